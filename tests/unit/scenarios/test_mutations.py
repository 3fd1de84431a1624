"""Whatever stands in the place of a value, a file is a scenario or has findings: never an error of the program."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common.yaml_writer import write_yaml
from lso.scenario_files import load
from scenarios.file.errors import ScenarioError
from testbed.spec.check import check

POC = Path(__file__).parents[3] / "scenarios" / "poc-two-sites"
ODD: list[Any] = [
    None, True, 0, -1, 10**18, 1.5, "", " ", "x", "é", "a/b", "../x", "0443", "1_000", "yes", "10.0.0.0/8", "::1",
    "x" * 300, [], [None], [[]], {}, {"": None}, {"x": {"y": "z"}}, "a\nb", "\u202e", "%s {0} $HOME",
]  # fmt: skip


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _paths(inner, (*path, key))


def _part(path: tuple[Any, ...]) -> str:
    return str(path[0]) if path else "whole"


DATA = {**load(POC).scenario.model_dump(mode="json", by_alias=True, exclude_defaults=True)}
PARTS = sorted({_part(path) for path in _paths(DATA)})


@pytest.mark.parametrize("part", PARTS)
def test_only_findings_come_of_odd_values(part: str, tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    paths = [path for path in _paths(DATA) if _part(path) == part]
    for number, path in enumerate(paths):
        for odd in ODD if len(paths) < 10 else ODD[number % 7 :: 7]:
            file.write_text(write_yaml(_with(path, odd)), encoding="utf-8")
            try:
                check(load(file).scenario.lab_spec())
            except ScenarioError as error:
                assert all((finding.line or 0) >= 1 and finding.message for finding in error.findings)


def _with(path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return odd
    data = copy.deepcopy(DATA)
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = odd
    return data
