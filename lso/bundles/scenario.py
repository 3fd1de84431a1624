"""The scenario in a bundle, and whether a result is one of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lso.bundles.errors import Altered
from reports.model import RunResult, Verdict
from reports.write import INPUTS
from scenarios import inputs
from scenarios.file.errors import ScenarioError
from scenarios.file.format import Step
from scenarios.load import FILE_NAME, LoadedScenario, load
from scenarios.own_steps import own_steps
from scenarios.steps.verb import Verb


@dataclass(frozen=True)
class Expected:
    """A step as the scenario has it, and its verb with all parameters."""

    step: Step
    verb: Verb


def scenario_of(folder: Path) -> LoadedScenario:
    """Return the scenario in the bundle unpacked to *folder*; raises Altered when it is none for this version."""
    path = folder / INPUTS / FILE_NAME
    try:
        return load(path)
    except ScenarioError as error:
        told = (str(finding).replace(f"{folder}/", "") for finding in error.findings)
        raise Altered(*(f"this version does not take the scenario: {finding}" for finding in told)) from error


def expected_steps(loaded: LoadedScenario) -> dict[str, Expected]:
    """Return by id the steps of the scenario and those that a run has beside them."""
    steps = [*zip(loaded.scenario.steps, loaded.verbs, strict=True), *own_steps(loaded.scenario)]
    return {step.id: Expected(step, verb) for step, verb in steps}


def mismatches(loaded: LoadedScenario, folder: Path, result: RunResult) -> Iterator[str]:
    """Yield how *result* is none of the scenario *loaded* from *folder*: its digest, its steps, the verdict of all."""
    if loaded.sha256 != result.scenario.sha256:
        yield f"{INPUTS}/{FILE_NAME} is not the scenario that the result names by its SHA-256"
    if _json(folder / INPUTS / inputs.RESOLVED_NAME) != inputs.resolved(loaded):
        yield f"{INPUTS}/{inputs.RESOLVED_NAME} is not what {FILE_NAME} means to this version"
    wanted, there = [step.id for step in loaded.scenario.steps], [step.id for step in result.steps]
    known = set(wanted)
    ran = [name for name in there if name in known]
    if ran != wanted[: len(ran)]:
        yield f"the scenario has the steps {', '.join(wanted)}; the result has {', '.join(ran) or 'none'}"
    own = [step for step, _ in own_steps(loaded.scenario)]
    usual = known | {step.id for step in own}
    for name in there:
        if name not in usual:
            yield f"the result has the step {name}, which no such run has"
    for step in own:
        if step.id not in there and result.ending == "complete" and not result.error:
            yield f"the result lacks the step {step.id}, which every such run has"
    verdict = Verdict.ERROR if result.error else Verdict.worst(step.verdict for step in result.steps)
    if result.verdict is not verdict:
        yield f"the result says {result.verdict} of the whole run; its steps say {verdict}"


def not_run(loaded: LoadedScenario, result: RunResult) -> list[str]:
    """Return the steps at the scenario's end that the result does not have, as after ``--until``."""
    there = {step.id for step in result.steps}
    return [step.id for step in loaded.scenario.steps if step.id not in there]


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
