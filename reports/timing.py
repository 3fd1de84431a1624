"""Where the time of a run went, as rows that the console and the page both show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from reports.model import Phase, RunResult, StepResult


@dataclass(frozen=True)
class TimeRow:
    """A part of a run's time. `share` is of the run's duration, 0 to 1; `waited_seconds` was spent polling."""

    name: str
    kind: Literal["phase", "step", "rest"]
    seconds: float
    share: float
    waited_seconds: float = 0


def where_time_went(result: RunResult) -> tuple[TimeRow, ...]:
    """Phases and steps, longest first, each second named once where phases do not overlap.

    A phase that holds steps appears with what is left of it after its steps; time that no phase or step
    covers is the row `between` of kind `rest`.
    """
    rows = [_step_row(result, step) for step in result.steps if step.duration_seconds > 0]
    for phase in result.phases:
        seconds = phase.duration_seconds - _inside(phase, result.steps)
        if seconds > 0:
            rows.append(TimeRow(phase.name, "phase", seconds, _share(result, seconds)))
    rest = result.duration_seconds - _covered(_spans(result))
    if rest > 0.005:
        rows.append(TimeRow("between", "rest", rest, _share(result, rest)))
    return tuple(sorted(rows, key=lambda row: -row.seconds))


def _step_row(result: RunResult, step: StepResult) -> TimeRow:
    waited = min(sum(wait.needed_seconds for wait in step.waits), step.duration_seconds)
    return TimeRow(step.id, "step", step.duration_seconds, _share(result, step.duration_seconds), waited)


def _share(result: RunResult, seconds: float) -> float:
    return min(seconds / result.duration_seconds, 1) if result.duration_seconds else 0


def _inside(phase: Phase, steps: Iterable[StepResult]) -> float:
    """Seconds of `phase` that steps cover."""
    end = phase.started_seconds + phase.duration_seconds
    spans = (
        (max(step.started_seconds, phase.started_seconds), min(step.started_seconds + step.duration_seconds, end))
        for step in steps
    )
    return _covered((start, stop) for start, stop in spans if stop > start)


def _spans(result: RunResult) -> Iterable[tuple[float, float]]:
    parts: list[Phase | StepResult] = [*result.phases, *result.steps]
    for part in parts:
        yield part.started_seconds, part.started_seconds + part.duration_seconds


def _covered(spans: Iterable[tuple[float, float]]) -> float:
    """Length of the union of `spans`."""
    total, reached = 0.0, float("-inf")
    for start, stop in sorted(spans):
        if stop > reached:
            total += stop - max(start, reached)
            reached = stop
    return total
