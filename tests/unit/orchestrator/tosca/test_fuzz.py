"""Whatever a template or its inputs hold, the answer is a list of findings or an intent, never another exception."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

import orchestrator
from orchestrator.model import TemplateError
from orchestrator.tosca import Catalogue, validate

SiteInputs = Callable[..., dict[str, Any]]
PACKAGE = Path(orchestrator.__file__).parent

JUNK: list[Any] = [
    None, True, 0, -1, 1.5, "", "x", "lan", "lso.nodes.VNF", "tosca.nodes.Root", "string", "list",
    [], {}, [[]], [{}], [None], {"": None}, {"type": 5}, {"type": "lso.nodes.VNF"},
    {"get_input": "peers"}, {"get_input": ["peers", 0]}, {"get_input": {}}, {"get_input": []},
    {"get_property": ["SELF", "rules"]}, {"get_property": ["wan", {}, []]}, {"get_property": ["wan", "port", {}]},
    {"concat": []}, {"concat": [[1]]}, {"join": []}, {"token": ["a", "b", -1]}, {"token": ["a", "", True]},
    {"in_range": [1, "x"]}, {"valid_values": [[]]}, {"pattern": "("}, [{"equal": {}}],
    ["next"], [{"next": {"relationship": []}}], [{"next": {"node": ["wan"]}}], [{"next": "wan"}, {"next": {}}],
]  # fmt: skip
"""Values that are wrong nearly everywhere."""


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values inside *value*."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else []), *(place for key, item in inner for place in places(item, (*path, key)))]


def damaged(value: Any, chance: random.Random) -> Any:
    """A copy with one to three values replaced, removed, or given another name."""
    value = deepcopy(value)
    for _ in range(chance.randint(1, 3)):
        *path, last = chance.choice(places(value))
        parent = value
        for key in path:
            parent = parent[key]
        kind = chance.random()
        if kind < 0.7:
            parent[last] = deepcopy(chance.choice(JUNK))
        elif kind < 0.85 and isinstance(parent, dict):
            parent[str(chance.choice(["next", "type", "node", "unknown"]))] = parent.pop(last)
        else:
            del parent[last]
    return value


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("victim", ["template", "types"])
def test_damaged_files(victim: str, seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)  # noqa: S311
    template = yaml.safe_load((Path(__file__).parent / "golden/functions-values.yaml").read_text())
    types = yaml.safe_load((PACKAGE / "types/lso_types.yaml").read_text())
    vnfs = (Path(__file__).parent / "golden/vnfs.yaml").read_text()
    (tmp_path / "lso_types.yaml").write_text(json.dumps(types))
    (tmp_path / "vnfs.yaml").write_text(vnfs)
    for _ in range(12):
        wrong = damaged(types if victim == "types" else template, chance)
        (tmp_path / ("lso_types.yaml" if victim == "types" else "site.yaml")).write_text(json.dumps(wrong))
        if victim == "types":
            (tmp_path / "site.yaml").write_text(json.dumps(template))
        for finding in validate(tmp_path / "site.yaml", {"address": "10.1.0.1/24"}):
            assert finding.message


@pytest.mark.parametrize("seed", range(4))
def test_damaged_inputs(seed: int, site_inputs: SiteInputs) -> None:
    chance = random.Random(seed)  # noqa: S311
    catalogue = Catalogue()
    for _ in range(150):
        try:
            site = catalogue.compile("poc-site", damaged(site_inputs(), chance))
        except TemplateError as error:
            assert all(finding.file == "inputs" for finding in error.findings)
        else:
            assert len(site.vnfs) == 3


@pytest.mark.parametrize("seed", range(4))
def test_damaged_text(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)  # noqa: S311
    text = (PACKAGE / "templates/poc-site.yaml").read_text().replace("../types/", "").replace("../../vnfs/", "")
    for _ in range(8):
        characters = list(text)
        for _ in range(chance.randint(1, 6)):
            characters[chance.randrange(len(characters))] = chance.choice("{}[]:,-#&*!|>'\"%@`\t\n x0é\x00")
        (tmp_path / "site.yaml").write_text("".join(characters), encoding="utf-8")
        for finding in validate(tmp_path / "site.yaml"):
            assert finding.message
