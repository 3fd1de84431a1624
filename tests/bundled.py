"""A run's folder made of recorded cases: what its steps observed is real, and its verdicts are those that follow."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from reports.model import EvidenceFile, RunResult, Scenario, StepResult, Verdict
from reports.write import EVIDENCE, write_report
from scenarios import inputs
from scenarios.file.source import read as read_yaml
from scenarios.load import FILE_NAME as SCENARIO_NAME
from scenarios.load import load
from scenarios.ordering.order import create_input
from scenarios.own_steps import own_steps
from scenarios.steps.observation import FILE_NAME, judge, read
from scenarios.steps.verb import Verb
from scenarios.verbs import REGISTRY

ROOT = Path(__file__).parents[1]
POC = ROOT / "scenarios" / "poc-two-sites" / SCENARIO_NAME
RECORDED = ROOT / "tests" / "unit" / "scenarios" / "evidence"
CASES = {
    "S-1": "ipsec.established/passed",
    "S-2": "ping/passed",
    "S-3": "wire.decrypts/passed",
    "S-4": "firewall.blocks/passed",
}
"""The recorded case of each step of the scenario."""


def recorded_run(folder: Path, cases: Mapping[str, str] = CASES) -> Path:
    """Write the *folder* of a run whose steps observed *cases*, as ``lso run`` does, and return it.

    The steps that every run has beside have observed the recorded cases in which their verbs passed.
    """
    steps = [_step(folder / EVIDENCE / name, RECORDED / case) for name, case in cases.items()]
    source = folder.parent / SCENARIO_NAME
    source.write_text(yaml.safe_dump(_scenario(steps), sort_keys=False), encoding="utf-8")
    loaded = load(source)
    for step, verb in own_steps(loaded.scenario):
        steps.append(_step(folder / EVIDENCE / step.id, RECORDED / verb.verb / "passed", verb))
    inputs.keep(loaded, {}, folder)
    service = loaded.scenario.service
    ordered = create_input(service, {point.site: f"uuid of {point.site}" for point in service.endpoints})
    path = "/restconf/operations/create-connectivity-service/"
    inputs.keep_order([{"method": "POST", "path": path, "body": {"input": ordered}}], folder)
    result = RunResult(
        run_id="20260101T120000Z-poc-two-sites-e3d28d",
        scenario=Scenario(id="recorded", title="What was recorded", path=str(source), sha256=loaded.sha256),
        started_at=datetime(2026, 1, 1, 12, tzinfo=UTC),
        duration_seconds=1,
        verdict=Verdict.worst(step.verdict for step, _ in steps),
        steps=tuple(step for step, _ in steps),
        versions={"lso-testbed": version("lso-testbed")},
        images={"lso/ucpe:1": "sha256:" + "0" * 64},
        machine={"kernel": "6.18"},
    )
    write_report(result, folder)
    return folder


def _step(folder: Path, case: Path, own: Verb | None = None) -> tuple[StepResult, dict[str, Any]]:
    """Return the step that observed *case*, with the verb *own* if given, and how a scenario asks for it."""
    verb, recorded = read(case / FILE_NAME, REGISTRY)
    verb = own or verb
    observation = recorded.model_copy(update={"parameters": verb.model_dump(mode="json", by_alias=True)})
    folder.mkdir(parents=True)
    files = [case / FILE_NAME, *(observation.evidence.files() if observation.evidence else ())]
    for file in files:
        shutil.copy(file, folder)
    (folder / FILE_NAME).write_text(observation.text(), encoding="utf-8")
    judgement = judge(verb, observation)
    step = StepResult(
        id=folder.name,
        verb=verb.verb,
        title=verb.verb,
        verdict=judgement.verdict,
        message=judgement.message,
        checks=tuple(judgement.checks),
        evidence=tuple(EvidenceFile(path=f"{folder.name}/{file.name}", title=file.name) for file in files),
    )
    return step, {"id": step.id, "verb": verb.verb, "with": observation.parameters}


def _scenario(steps: list[tuple[StepResult, dict[str, Any]]]) -> dict[str, Any]:
    document: dict[str, Any] = read_yaml(POC).data
    return {**document, "scenario": "recorded", "steps": [entry for _, entry in steps]}
