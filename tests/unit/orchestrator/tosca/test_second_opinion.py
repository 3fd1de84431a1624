"""Another TOSCA compiler, puccini, agrees: right templates mean the same to both, and both refuse the wrong ones."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

import orchestrator
from orchestrator.tosca import Catalogue
from orchestrator.tosca.documents.report import Report
from orchestrator.tosca.template import check_inputs, evaluate

SiteInputs = Callable[..., dict[str, Any]]
Opinions = dict[str, dict[str, Any]]

pytestmark = pytest.mark.skipif(find_spec("puccini") is None, reason="puccini has no wheel for this Python")

HERE = Path(__file__).parent
PACKAGE = Path(orchestrator.__file__).parent
TEMPLATES = ("gateway-site", "poc-site", "statistics-first-site")

BOTH_REFUSE = (
    "duplicate-keys", "empty", "functions-values", "input-definitions", "inputs-missing", "inputs-nested",
    "inputs-secret", "inputs-wrong", "nodes", "not-yaml", "properties", "relationships", "requirements", "tags",
    "top-level-list", "types", "unknown-keys", "unused-sections", "version",
)  # fmt: skip
"""The other cases are right TOSCA and wrong chains, which only we know, or would make puccini use the network."""


def inputs_of(template: str, site_inputs: SiteInputs) -> dict[str, Any]:
    changes = {"statistics_export": {"protocol": "ipfix", "collector": "10.1.0.9", "address": "10.1.0.253/24"}}
    return site_inputs(firewall_rules=None) if template == "gateway-site" else site_inputs(**changes)


@pytest.fixture
def opinions(tmp_path: Path, site_inputs: SiteInputs) -> Opinions:
    """What puccini makes of the package's templates, and of the wrong ones beside the types that they import."""
    folder = tmp_path / "golden"
    shutil.copytree(HERE / "golden", folder)
    shutil.copy(PACKAGE / "types/lso_types.yaml", folder)
    questions = [(str(PACKAGE / f"templates/{name}.yaml"), inputs_of(name, site_inputs)) for name in TEMPLATES]
    questions += [(str(folder / f"{case}.yaml"), _inputs(folder / f"{case}.inputs")) for case in BOTH_REFUSE]
    command = [sys.executable, str(HERE / "second_opinion.py")]
    answer = subprocess.run(command, input=json.dumps(questions), capture_output=True, text=True, check=True)
    return dict(zip([*TEMPLATES, *BOTH_REFUSE], json.loads(answer.stdout), strict=True))


def _inputs(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load(path.read_text()) if path.exists() else {}
    return values


def test_both_compilers_agree(opinions: Opinions, site_inputs: SiteInputs) -> None:
    assert [case for case in BOTH_REFUSE if "problems" not in opinions[case]] == []
    for name in TEMPLATES:
        assert opinions[name].get("problems") is None
        assert _without_empty(opinions[name]["nodes"]) == _without_empty(_values(name, inputs_of(name, site_inputs)))


def _values(name: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """The properties of all nodes as we evaluate them."""
    report = Report()
    template = Catalogue().template(name)
    assert template.topology is not None
    return evaluate(template.types, template.topology, check_inputs(template, inputs, report), report)


def _without_empty(value: Any) -> Any:
    """Unset optional values are null to puccini and absent to us."""
    if isinstance(value, dict):
        return {key: _without_empty(item) for key, item in value.items() if item is not None}
    return [_without_empty(item) for item in value] if isinstance(value, list) else value
