"""The pages of the verbs and the published schema are what the code says."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from reports.model import Verdict
from scenarios import docs, schema
from scenarios.prove import schema as sabotage_schema
from scenarios.steps.verb import REGISTRY

NAMES = """
from __future__ import annotations
from pathlib import Path
from pydantic import Field
from scenarios.steps.checks import Judgement, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence, File
from scenarios.steps.recorder import NetworkFault, Recorder
from scenarios.steps.verb import PathVerb
from testbed.traffic import ping
"""


def test_the_pages_are_current() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in docs.FOLDER.iterdir()} == docs.pages()


def test_defaults_that_say_nothing_are_dashes() -> None:
    pages = docs.pages()
    rows = [line.split(" | ") for text in pages.values() for line in text.splitlines() if line.startswith("| `")]
    defaults = {row[0].strip("| `"): row[2] for row in rows}
    assert [key for key, shown in defaults.items() if shown in {"``", "`None`", ""}] == []
    assert (defaults["encryption"], defaults["rtt_ms_at_most"]) == ("–", "–")
    assert "`0`" in {row[2] for row in rows}


def test_the_schema_is_current() -> None:
    assert schema.PUBLISHED.read_text(encoding="utf-8") == schema.text()


def test_the_page_and_the_schema_of_sabotages_are_current() -> None:
    assert docs.SABOTAGES.read_text(encoding="utf-8") == docs.sabotages()
    assert sabotage_schema.PUBLISHED.read_text(encoding="utf-8") == sabotage_schema.text()


def test_the_example_of_a_verb_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = docs.FOLDER.parent / "scenarios.md"
    (code,) = [block.split("```")[0] for block in page.read_text(encoding="utf-8").split("```python\n")[1:]]
    (tmp_path / "path_hops.py").write_text(NAMES + code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    try:
        module = importlib.import_module("path_hops")
        verb = REGISTRY["path.hops"].model_validate({"from": "a1", "to": "b1", "routers": 4})
    finally:
        REGISTRY.pop("path.hops", None)
    for ttl, verdict in ((60, Verdict.PASSED), (61, Verdict.FAILED)):
        assert verb.judge(module.HopsEvidence(ttl=ttl, output=tmp_path / "ping.txt")).verdict is verdict
