"""Whether the times of a result can be those of one run: they are told, and only what they must agree in is known."""

from __future__ import annotations

from collections.abc import Iterator

from reports.model import RunResult
from scenarios.load import LoadedScenario
from scenarios.run import ESTABLISHED, WHOLE_RUN

ROUNDING_SECONDS = 0.01


def impossible_times(loaded: LoadedScenario, result: RunResult) -> Iterator[str]:
    """Yield which times of *result*, a run of *loaded*, contradict each other or the scenario's goals."""
    end, before = 0.0, "the run"
    for step in result.steps:
        if step.started_seconds < end - ROUNDING_SECONDS:
            yield f"{step.id} began {step.started_seconds:g} s after the start, when {before} had not ended"
        if any(wait.needed_seconds > step.duration_seconds + ROUNDING_SECONDS for wait in step.waits):
            yield f"{step.id} waited longer than it lasted"
        end, before = step.started_seconds + step.duration_seconds, step.id
    if end > result.duration_seconds + ROUNDING_SECONDS:
        yield f"{before} ended {end:g} s after the start of a run of {result.duration_seconds:g} s"
    goals = loaded.scenario.goals
    wanted = {ESTABLISHED: goals.established_seconds, WHOLE_RUN: goals.run_seconds}
    for timing in result.timings:
        if timing.name not in wanted or timing.goal_seconds != wanted[timing.name]:
            yield f"the goal of {timing.name!r} is not the scenario's"
        whole = timing.name == WHOLE_RUN
        if timing.seconds > result.duration_seconds or (whole and timing.seconds != result.duration_seconds):
            yield f"{timing.name!r} took {timing.seconds:g} s in a run of {result.duration_seconds:g} s"
