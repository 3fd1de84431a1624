"""Scenario files with mistakes: each folder of ``golden`` is an input and the exact report it must give."""

from __future__ import annotations

from pathlib import Path

import pytest

from lso.scenario_files import load
from scenarios.file.errors import ScenarioError
from testbed.spec.check import check

GOLDEN = Path(__file__).parent / "golden"
ROOT = Path(__file__).parents[3]
SCENARIOS = sorted((ROOT / "scenarios").glob("*/scenario.yaml"))


@pytest.mark.parametrize("case", sorted(GOLDEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_report_of_mistakes(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case.parent)
    with pytest.raises(ScenarioError) as error:
        load(Path(case.name))
    assert str(error.value) + "\n" == case.with_suffix(".txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.parent.name)
def test_published_scenarios_are_valid(path: Path) -> None:
    loaded = load(path.parent)
    assert loaded.scenario.scenario == path.parent.name
    assert len(loaded.verbs) == len(loaded.scenario.steps)
    check(loaded.scenario.lab_spec())


def test_absent_file() -> None:
    with pytest.raises(ScenarioError, match="cannot be read: No such file"):
        load(Path("nowhere.yaml"))
