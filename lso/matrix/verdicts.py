"""What a cell's run means: its outcome and the one line that says why. Pure functions over results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from lso.matrix.cells import PlannedCell
from orchestrator.model import apply_refused
from reports.matrix import Cell, Deviation, Outcome
from reports.model import RunResult, StepResult, Verdict
from reports.text import count_text

REFUSED = apply_refused(2)
"""What the orchestrator says of an intent that a product refuses by its contract (docs/vnf-contract.md)."""

NEGATIVE = "ipsec.refused"
_LONGEST = 600


def unsupported(cell: PlannedCell) -> Cell:
    """Return the cell that is not run, because its products declare that they cannot."""
    message = cell.unsupported
    return Cell(id=cell.id, place=dict(cell.place), expect=cell.expect, outcome=Outcome.UNSUPPORTED, message=message,
                sha256=cell.sha256)  # fmt: skip


def broken(cell: PlannedCell, words: str, machine: str = "", seconds: float = 0) -> Cell:
    """Return the cell whose run left no result, with the last of its words."""
    line = " ".join(words.split())[-_LONGEST:] or "the run left no result"
    return Cell(id=cell.id, place=dict(cell.place), expect=cell.expect, outcome=Outcome.ERROR, message=line,
                machine=machine, seconds=seconds, sha256=cell.sha256)  # fmt: skip


def judged(
    outcome: Outcome, message: str, place: Mapping[str, str], deviations: Iterable[Deviation]
) -> tuple[Outcome, str]:
    """Return the outcome and message, where a failure may be a declared deviation."""
    if outcome is Outcome.FAILED:
        for one in deviations:
            if all(fnmatchcase(place[axis], pattern) for axis, pattern in one.cells.items()):
                return Outcome.DEVIATION, f"{one.reason}: {message}"
    return outcome, message


def outcome_of(result: RunResult) -> tuple[Outcome, str]:
    """Return what the run's own verdict means for its cell, and the line that says why."""
    refusal = next((step.message for step in result.steps if REFUSED in step.message), "")
    if refusal:
        return Outcome.UNSUPPORTED, refusal
    if result.verdict is Verdict.ERROR:
        return Outcome.ERROR, result.error or _first(result, Verdict.ERROR)
    if result.verdict is Verdict.FAILED:
        return Outcome.FAILED, _first(result, Verdict.FAILED)
    if result.verdict is Verdict.SKIPPED:
        return Outcome.UNSUPPORTED, _first(result, Verdict.SKIPPED)
    why = next((step.message for step in result.steps if step.verb == NEGATIVE), "")
    return Outcome.PASSED, why or f"{count_text(sum(map(_passed, result.steps)), 'step')} passed"


def _passed(step: StepResult) -> bool:
    return step.verdict is Verdict.PASSED


def _first(result: RunResult, verdict: Verdict) -> str:
    return next((f"{step.id}: {step.message}" for step in result.steps if step.verdict is verdict), str(verdict))
