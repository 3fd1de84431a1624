from __future__ import annotations

from typing import Any

import pytest

from reports.verdicts import ElementVerdict, element_verdicts

from .report_samples import a_run, a_step, sample

TOPOLOGY = sample("passed").topology


def _verdicts(*steps: dict[str, Any]) -> dict[str, str]:
    made = [a_step(**{"id": f"s{index}", **step}) for index, step in enumerate(steps)]
    bad = [step.verdict for step in made if step.verdict.is_bad]
    result = a_run(*made, verdict=bad[0] if bad else "passed", topology=TOPOLOGY)
    return {element: str(found.verdict) for element, found in element_verdicts(result).items()}


def _check(element: str, verdict: str) -> dict[str, str]:
    return {"name": "c", "verdict": verdict, "element": element}


@pytest.mark.parametrize(
    ("verb", "judged"),
    [
        ("firewall.blocks", {"vnf:site-a/firewall", "vnf:site-b/firewall"}),
        ("statistics.exact", {"vnf:site-a/statistics", "vnf:site-b/statistics"}),
        ("ipsec.established", {"vnf:site-a/ipsec", "vnf:site-b/ipsec", "tunnel:site-a--site-b"}),
        ("wire.encrypted", {"tunnel:site-a--site-b", "underlay:internet"}),
        ("chain.traverses", {"site:site-a", "site:site-b"}),
        ("ping", {"host:site-a/host-a", "host:site-b/host-b"}),
        ("unheard.of", set()),
    ],
)
def test_a_step_without_elements_judges_what_its_verb_is_about(verb: str, judged: set[str]) -> None:
    assert set(_verdicts({"verb": verb})) == judged


def test_a_bad_check_blames_its_element_alone() -> None:
    checks = [_check("vnf:site-a/firewall", "passed"), _check("vnf:site-b/firewall", "failed")]
    found = _verdicts({"verb": "firewall.blocks", "verdict": "failed", "checks": checks})
    assert found == {"vnf:site-a/firewall": "passed", "vnf:site-b/firewall": "failed"}


def test_a_step_judges_its_elements_but_those_that_its_checks_judge() -> None:
    step = {
        "verb": "ping",
        "verdict": "failed",
        "elements": ("site:site-a", "site:site-b"),
        "checks": [_check("site:site-a", "passed")],
    }
    assert _verdicts(step) == {"site:site-a": "passed", "site:site-b": "failed"}


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        (("passed", "failed"), "failed"),
        (("failed", "passed"), "failed"),
        (("failed", "error"), "error"),
        (("skipped", "passed"), "passed"),
        (("skipped",), "skipped"),
    ],
)
def test_the_worst_verdict_stays(verdicts: tuple[str, ...], worst: str) -> None:
    steps = [{"verdict": verdict, "elements": ("site:site-a",)} for verdict in verdicts]
    assert _verdicts(*steps) == {"site:site-a": worst}


def test_the_first_step_that_gave_it_is_named() -> None:
    found = element_verdicts(sample("failed"))
    assert found["vnf:site-b/firewall"] == ElementVerdict(sample("failed").steps[6].verdict, "firewall-blocks-telnet")
    assert found["vnf:site-a/firewall"].step_id == "firewall-allows-web"
