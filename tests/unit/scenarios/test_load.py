"""Scenario files with mistakes: each folder of ``golden`` is an input and the exact report it must give."""

from __future__ import annotations

import os
from itertools import takewhile
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


WATCHING = [path for path in SCENARIOS if any(verb.watches() for verb in load(path.parent).verbs)]


@pytest.mark.parametrize("path", WATCHING, ids=lambda path: path.parent.name)
def test_what_published_scenarios_watch_for_late_packets_is_time_for_other_steps(path: Path) -> None:
    verbs = load(path.parent).verbs
    last = max(number for number, verb in enumerate(verbs) if verb.watches())
    meanwhile = {verb.verb for verb in takewhile(lambda verb: verb.beside, verbs[last + 1 :])}
    assert meanwhile >= {"wire.encrypted", "wire.decrypts", "chain.traverses", "firewall.allows"}


def test_absent_file() -> None:
    with pytest.raises(ScenarioError, match="cannot be read: No such file"):
        load(Path("nowhere.yaml"))


def test_folder_without_a_scenario(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"the folder has no scenario\.yaml"):
        load(tmp_path)


@pytest.mark.timeout(10)
def test_pipe_that_nobody_writes_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(ScenarioError, match="cannot be read: it is not a regular file"):
        load(tmp_path / "pipe.yaml")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("~", "a mapping is wanted, as in `key: value` (the file has null"),
        ("true", "a mapping is wanted, as in `key: value` (the file has true"),
        ("x" * 10_000, "a mapping is wanted, as in `key: value` (the file has 'xxx"),
    ],
    ids=["nothing", "literal", "long"],
)
def test_file_that_is_no_scenario_at_all(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as error:
        load(tmp_path / "a.yaml")
    assert told in str(error.value)
    assert len(str(error.value)) < 1000
