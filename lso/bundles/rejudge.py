"""Judge a run's steps again from their evidence alone, and compare with what its result says."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lso.bundles.scenario import Expected
from reports.model import Check, RunResult, StepResult, Verdict
from reports.write import EVIDENCE
from scenarios.steps.checks import Judgement
from scenarios.steps.observation import FILE_NAME, judge, read
from scenarios.steps.verb import Verb
from scenarios.verbs import REGISTRY


@dataclass(frozen=True)
class Rejudged:
    """A step: the verdict that the result has, the one that its evidence leads to, and how they differ.

    *judged* is None where nothing was observed, as of a step that was skipped.
    """

    id: str
    verb: str
    recorded: Verdict
    judged: Verdict | None
    differences: tuple[str, ...]


def rejudge(
    folder: Path, names: Collection[str], result: RunResult, expected: Mapping[str, Expected]
) -> Iterator[Rejudged]:
    """Yield every step of *result*, judged from the files *names* below *folder*.

    *expected* has the steps that the run should have, by id.
    """
    blocked = False
    for step in result.steps:
        observed, wanted = f"{EVIDENCE}/{step.id}/{FILE_NAME}", expected.get(step.id)
        listed = (f"{EVIDENCE}/{file.path}" for file in step.evidence)
        differences = [f"{name} is not there" for name in listed if name not in names]
        if observed in names:
            judged, found = _judged(folder / observed, step, wanted)
            differences += found
        else:
            judged = None
            differences += _unobserved(step, result.ending == "complete", wanted, blocked)
        yield Rejudged(step.id, step.verb, step.verdict, judged, tuple(differences))
        verb = REGISTRY.get(step.verb)
        blocked |= verb is not None and verb.gate and step.verdict.is_bad


def _judged(path: Path, step: StepResult, wanted: Expected | None) -> tuple[Verdict | None, list[str]]:
    """Return what follows from the observation in *path*, and how that differs from *step*."""
    try:
        verb, observation = read(path, REGISTRY)
    except Exception as error:  # noqa: BLE001  (whatever is in the file, it is told in a sentence)
        return None, [f"its observation cannot be read: {type(error).__name__}: {error}"]
    judgement = judge(verb, observation)
    return judgement.verdict, [
        *_other_verb(verb, step, wanted),
        *_compared(step, judgement),
        *_other_series(verb, step, path.parent),
    ]


def _other_verb(verb: Verb, step: StepResult, wanted: Expected | None) -> Iterator[str]:
    if verb.verb != step.verb:
        yield f"the result has the verb {step.verb}, the observation is of {verb.verb}"
    elif wanted and wanted.verb != verb:
        yield "what was observed is not what the scenario asks for in this step: verb or parameters differ"


def _other_series(verb: Verb, step: StepResult, evidence: Path) -> Iterator[str]:
    try:
        drawn = tuple(verb.series(evidence))
    except Exception as error:  # noqa: BLE001  (whatever is in the file, it is told in a sentence)
        yield f"what its series were drawn of cannot be read: {type(error).__name__}: {error}"
    else:
        if step.series != drawn:
            yield "its series are not what the evidence leads to"


def _compared(step: StepResult, judgement: Judgement) -> Iterator[str]:
    if step.verdict is not judgement.verdict:
        yield f"the result says {step.verdict}, the evidence says {judgement.verdict}: {judgement.message}"
    elif _anywhere(step.message) != _anywhere(judgement.message):
        yield f"the result tells {step.message!r}, the evidence {judgement.message!r}"
    if list(step.checks) != list(judgement.checks):
        yield from _checks(step.checks, tuple(judgement.checks))


def _checks(recorded: tuple[Check, ...], judged: tuple[Check, ...]) -> Iterator[str]:
    for index in range(max(len(recorded), len(judged))):
        here, there = recorded[index : index + 1], judged[index : index + 1]
        if here != there:
            yield f"check {index + 1}: the result has {_words(here)}; the evidence leads to {_words(there)}"


def _words(checks: tuple[Check, ...]) -> str:
    texts = (f"{one.name!r} {one.verdict} (expected {one.expected}, measured {one.measured})" for one in checks)
    return next(texts, "none")


def _unobserved(step: StepResult, complete: bool, wanted: Expected | None, blocked: bool) -> Iterator[str]:
    """Yield why *step* should have been observed: it has a verdict, or nothing in the result is a reason to skip it.

    *complete* is a run that was not cut short; *blocked* tells that a gate before the step did not pass.
    """
    if step.verdict in (Verdict.PASSED, Verdict.FAILED):
        yield f"the result says {step.verdict}, and there is no observation that it could follow from"
    if step.verdict is Verdict.SKIPPED and complete and not _may_skip(step, wanted, blocked):
        yield "the result says skipped, and has no reason for it: no gate before it failed, no engine is missing"


def _may_skip(step: StepResult, wanted: Expected | None, blocked: bool) -> bool:
    verb = REGISTRY.get(step.verb)
    missing = wanted and any(step.engines.get(name, "none") != engine for name, engine in wanted.step.require.items())
    return bool(missing or (blocked and verb and not verb.always))


def _anywhere(message: str) -> str:
    """Return *message* without the folders that its files lay in."""
    return re.sub(rf"\S*/{EVIDENCE}/", f"{EVIDENCE}/", message)
