"""Whether the times of a result can be those of one run: they are told, and only what they must agree in is known."""

from __future__ import annotations

from collections.abc import Iterator

from reports.model import RunResult, StepResult
from scenarios.load import LoadedScenario
from scenarios.run import ESTABLISHED, WHOLE_RUN

ROUNDING_SECONDS = 0.01


def impossible_times(loaded: LoadedScenario, result: RunResult) -> Iterator[str]:
    """Yield which times of *result*, a run of *loaded*, contradict each other or the scenario's goals."""
    verbs = {step.id: verb for step, verb in zip(loaded.scenario.steps, loaded.verbs, strict=True)}
    free = free_beside = (0.0, "")  # since when steps may begin, those that run beside one that watches, and for whom
    for step in result.steps:
        since, before = free_beside if step.id in verbs and verbs[step.id].beside else free
        if step.started_seconds < since - ROUNDING_SECONDS:
            yield f"{step.id} began {step.started_seconds:g} s after the start, when {before} had not ended"
        watches = step.id in verbs and verbs[step.id].watches()
        free = max(free, (_end(step), step.id))
        free_beside = max(free_beside, (step.started_seconds if watches else _end(step), step.id))
        if any(wait.needed_seconds > step.duration_seconds + ROUNDING_SECONDS for wait in step.waits):
            yield f"{step.id} waited longer than it lasted"
        if _end(step) > result.duration_seconds + ROUNDING_SECONDS:
            yield f"{step.id} ended {_end(step):g} s after the start of a run of {result.duration_seconds:g} s"
    goals = loaded.scenario.goals
    wanted = {ESTABLISHED: goals.established_seconds, WHOLE_RUN: goals.run_seconds}
    for timing in result.timings:
        if timing.name not in wanted or timing.goal_seconds != wanted[timing.name]:
            yield f"the goal of {timing.name!r} is not the scenario's"
        whole = timing.name == WHOLE_RUN
        if timing.seconds > result.duration_seconds or (whole and timing.seconds != result.duration_seconds):
            yield f"{timing.name!r} took {timing.seconds:g} s in a run of {result.duration_seconds:g} s"


def _end(step: StepResult) -> float:
    return step.started_seconds + step.duration_seconds
