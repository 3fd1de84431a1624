from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from reports.junit import junit_xml
from reports.model import RunResult

from .report_samples import SAMPLES, a_run, a_step, sample

# The grammar that the schemas of Jenkins, GitLab and Ant's JUnit task have in common.
CHILDREN = {
    "testsuites": ["testsuite"],
    "testsuite": ["properties", "testcase"],
    "properties": ["property"],
    "property": [],
    "testcase": ["skipped", "error", "failure", "system-out"],
    "skipped": [],
    "error": [],
    "failure": [],
    "system-out": [],
}
ATTRIBUTES = {
    "testsuites": {"name", "tests", "failures", "errors", "time"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"},
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"name", "classname", "time"},
    "skipped": {"message"},
    "error": {"message", "type"},
    "failure": {"message", "type"},
    "system-out": set(),
}

# What Jenkins' xUnit plugin validates against (its schema for JUnit, junit-10.xsd, MIT licence): element → attributes
# that have to be there, attributes that may, children. Its time is digits with an optional fraction.
JENKINS: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": (
        {"name"},
        {"time", "classname", "group"},
        {"skipped", "error", "failure", "rerunFailure", "rerunError", "flakyFailure", "flakyError"}
        | {"system-out", "system-err"},
    ),
    "skipped": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "failure": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
    "system-err": (set(), set(), set()),
}
JENKINS_TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")
WITH_TEXT = {"skipped", "error", "failure", "system-out", "system-err"}


@pytest.mark.parametrize("name", SAMPLES)
def test_jenkins_takes_it(name: str) -> None:
    root = ET.fromstring(junit_xml(sample(name)).encode())  # noqa: S314 - our own text
    assert root.tag == "testsuites"
    for element in root.iter():
        required, optional, children = JENKINS[element.tag]
        assert required <= set(element.attrib) <= required | optional, element.tag
        assert {child.tag for child in element} <= children
        assert element.tag in WITH_TEXT or not (element.text or "").strip()
        if element.tag in ("testsuites", "testsuite"):
            assert JENKINS_TIME.fullmatch(element.attrib["time"])


def _suite(result: RunResult) -> ET.Element:
    return ET.fromstring(junit_xml(result).encode())[0]  # noqa: S314 - our own text


@pytest.mark.parametrize("name", SAMPLES)
def test_grammar(name: str) -> None:
    def visit(element: ET.Element) -> None:
        order = [CHILDREN[element.tag].index(child.tag) for child in element]
        assert order == sorted(order), f"children of {element.tag} out of order"
        assert set(element.attrib) == ATTRIBUTES[element.tag]
        for child in element:
            visit(child)

    visit(ET.fromstring(junit_xml(sample(name)).encode()))  # noqa: S314 - our own text


@pytest.mark.parametrize("name", SAMPLES)
def test_counts_agree_with_the_cases(name: str) -> None:
    suite = _suite(sample(name))
    cases = suite.findall("testcase")
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.attrib[attribute]) == sum(case.find(tag) is not None for case in cases)
    assert int(suite.attrib["tests"]) == len(cases)


@pytest.mark.parametrize(
    ("verdict", "tag"), [("passed", None), ("failed", "failure"), ("error", "error"), ("skipped", "skipped")]
)
def test_verdicts_are_kept_apart(verdict: str, tag: str | None) -> None:
    suite = _suite(a_run(a_step(verdict=verdict, message="why"), verdict=verdict))
    case = suite.find("testcase")
    assert case is not None
    outcomes = [child for child in case if child.tag in ("failure", "error", "skipped")]
    assert [child.tag for child in outcomes] == ([tag] if tag else [])
    assert all(child.attrib["message"] == "why" for child in outcomes)


def test_an_error_outside_every_step_is_counted() -> None:
    suite = _suite(a_run(a_step(), verdict="error", error="dockerd is gone"))
    assert (suite.attrib["tests"], suite.attrib["errors"]) == ("2", "1")
    error = suite.find("testcase[@name='test-bed']/error")
    assert error is not None
    assert error.text == "dockerd is gone"


def test_an_error_of_a_step_is_counted_once() -> None:
    assert _suite(a_run(a_step(verdict="error"), verdict="error")).attrib["errors"] == "1"


def test_engines_and_evidence_are_told() -> None:
    suite = _suite(sample("passed"))
    properties = {item.attrib["name"]: item.attrib["value"] for item in suite.iter("property")}
    assert properties["engine.ESP"] == "kernel-libipsec"
    assert properties["engine.ESP.best"] == "kernel"
    output = suite.findtext("testcase[4]/system-out") or ""
    assert "evidence/wire-encrypted/internet-site-a.pcap" in output
    assert "engine ESP: kernel-libipsec" in output


def test_time_is_universal() -> None:
    result = a_run(started_at="2026-03-14T23:30:00+05:30")
    assert _suite(result).attrib["timestamp"] == "2026-03-14T18:00:00"


def test_a_live_command_is_told_of_a_lab_that_is_up_only() -> None:
    step = a_step(live_command="lso exec poc-123456 a1 -- true")
    assert "see it live: lso exec poc-123456 a1 -- true" in junit_xml(a_run(step, lab="poc-123456", lab_kept=True))
    assert "lso exec" not in junit_xml(a_run(step, lab="poc-123456"))


@pytest.mark.parametrize("name", ["failed", "no-steps", "hostile"])
def test_golden(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"{name}.junit.xml", junit_xml(sample(name)))
