"""tosca-parser is asked safely: its complaints get places, its crashes become findings, nothing is left behind."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import orchestrator
from common.yaml_reader import Document
from orchestrator.tosca.catalogue import Catalogue
from orchestrator.tosca.documents.document import read_document
from orchestrator.tosca.documents.report import Report
from orchestrator.tosca.parser import parser_findings
from orchestrator.tosca.schema.types import Types

GOLDEN = Path(__file__).parent / "golden"
TEMPLATE = """
topology_template:
  node_templates:
    lan: { type: lso.nodes.LanPort, requirements: [next: firewall] }
    firewall:
      type: test.Firewall
      properties: { default: deny }
      requirements: [next: wan]
    wan: { type: lso.nodes.WanPort }
"""


def ask(text: str) -> list[str]:
    """Put a template straight to tosca-parser, past our own checks."""
    report = Report()
    main = read_document("main.yaml", text.encode(), report)
    files = (Path(orchestrator.__file__).parent / "types/lso_types.yaml", GOLDEN / "vnfs.yaml")
    others = [read_document(path.name, path.read_bytes(), report) for path in files]
    documents = [document for document in (main, *others) if isinstance(document, Document)]
    assert len(documents) == 3
    return [str(finding) for finding in parser_findings(documents[0], Types(tuple(documents), report))]


def test_a_right_template_passes(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.WARNING):
        assert ask(TEMPLATE) == []
    assert caplog.messages == []
    assert capsys.readouterr().out == ""


FIREWALL = "topology_template.node_templates.firewall"


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("default: deny", "colour: red", f"main.yaml:7:21: {FIREWALL}.properties.colour: "),
        ("default: deny", "default: reject", f"main.yaml:7:21: {FIREWALL}.properties.default: "),
        ("properties: {", "proprties: {", f"main.yaml:7:7: {FIREWALL}.proprties: "),
        ("type: test.Firewall", "type: test.None", "main.yaml:"),
        ("next: wan", "next: nobody", "main.yaml:"),
    ],
)
def test_complaints_have_places(old: str, new: str, place: str) -> None:
    found = ask(TEMPLATE.replace(old, new))
    assert found
    assert found[0].startswith(place)
    assert found[0].endswith("(found by tosca-parser)")


@pytest.mark.parametrize(
    "addition",
    [
        "  policies: [p: { type: no.such.Policy }]\n",
        "  groups: { g: { type: no.such.Group, members: [lan] } }\n",
        "  policies: 5\n",
    ],
)
def test_crashes_become_findings(addition: str) -> None:
    found = ask(TEMPLATE + addition)
    assert len(found) == 1
    assert "tosca-parser cannot read this" in found[0]
    assert ask(TEMPLATE) == []


def test_the_document_stays_as_it_was() -> None:
    template = Catalogue().template("poc-site")
    before = json.dumps([document.data for document in template.sources.documents])
    assert parser_findings(template.sources.documents[0], template.types) == ()
    assert json.dumps([document.data for document in template.sources.documents]) == before


@pytest.fixture
def _frequent_switches() -> Iterator[None]:
    """Let threads change so often that what they share shows."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_frequent_switches")
def test_threads_do_not_mix_their_errors() -> None:
    wrong = TEMPLATE.replace("default: deny", "colour: red")

    def work(number: int) -> Any:
        return ask(wrong if number % 2 else TEMPLATE)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(48)))
    assert [len(result) for result in results] == [0, 1] * 24
