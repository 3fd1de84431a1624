"""A step whose observation goes on while others run: when it has its result, what is in it, and how it is given up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest

from reports.model import Verdict
from scenarios.file.format import Step
from scenarios.steps.checks import Judgement, check
from scenarios.steps.clock import Clock
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence
from scenarios.steps.observation import FILE_NAME
from scenarios.steps.recorder import NetworkFault, Recorder
from scenarios.steps.step import RunningStep, run_step
from scenarios.steps.verb import Verb, Watching

WATCHED_SECONDS = 0.2
STEP = Step.model_validate({"id": "W-1", "verb": "watch"})


class Watched(Evidence):
    """For how long it was watched, and how many other things had happened by its end."""

    seconds: float
    happened: int


@dataclass
class World:
    """What a step needs of its context, and what happens in it."""

    clock: Clock = field(default_factory=lambda: Clock(lambda _name: None))
    engines: dict[str, str] = field(default_factory=dict)
    chains: dict[str, Any] = field(default_factory=dict)
    happened: int = 0
    ended: bool = False


class Watch(Verb):
    """Watch for :data:`WATCHED_SECONDS`; a *fault* of the network or *trouble* of the test-bed comes then."""

    verb = "watch"
    fault: bool = False
    trouble: bool = False

    def observe(self, context: Context, recorder: Recorder) -> Watching[Watched]:
        world, began = cast(World, context), time.monotonic()
        try:
            yield began + WATCHED_SECONDS
            recorder.until("enough", max(0, began + WATCHED_SECONDS - time.monotonic()), lambda: None)
            if self.fault:
                raise NetworkFault("the end", "quiet", "noise")
            if self.trouble:
                raise OSError("no room")
        finally:
            world.ended = True
        return Watched(seconds=time.monotonic() - began, happened=world.happened)

    def judge(self, evidence: Watched) -> Judgement:
        enough = evidence.seconds >= WATCHED_SECONDS
        return Judgement([check("seconds", enough, expected=WATCHED_SECONDS, measured=evidence.seconds)], "watched")


class WatchAlways(Watch):
    """Watch behind a gate that did not pass, too."""

    verb = "watch-always"
    always: ClassVar[bool] = True


@pytest.fixture
def world() -> Iterator[World]:
    yield World()


def begun(world: World, folder: Path, **parameters: bool) -> RunningStep:
    step = RunningStep(cast(Context, world), STEP, Watch(**parameters), folder)
    step.go_on()
    return step


def test_a_step_by_itself_watches_to_its_end(world: World, tmp_path: Path) -> None:
    result = run_step(cast(Context, world), STEP, Watch(), tmp_path)
    assert (result.verdict, result.message) == (Verdict.PASSED, "watched")
    assert result.duration_seconds >= WATCHED_SECONDS


def test_others_run_while_a_step_watches(world: World, tmp_path: Path) -> None:
    step = begun(world, tmp_path)
    assert step.result is None
    assert 0 < step.until - time.monotonic() <= WATCHED_SECONDS
    assert not (tmp_path / FILE_NAME).exists()
    world.happened = 3
    result = step.finish()
    assert result is step.finish()
    assert result.verdict is Verdict.PASSED
    assert result.duration_seconds >= WATCHED_SECONDS
    assert '"happened": 3' in (tmp_path / FILE_NAME).read_text(encoding="utf-8")


def test_a_fault_at_the_end_is_a_check_that_does_not_hold(world: World, tmp_path: Path) -> None:
    result = begun(world, tmp_path, fault=True).finish()
    assert (result.verdict, [check.name for check in result.checks]) == (Verdict.FAILED, ["the end"])


def test_trouble_at_the_end_is_an_error_whose_trace_is_kept(world: World, tmp_path: Path) -> None:
    result = begun(world, tmp_path, trouble=True).finish()
    assert (result.verdict, result.checks) == (Verdict.ERROR, ())
    assert "OSError: no room" in (tmp_path / "trouble.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("verb", "engine", "blocked_by", "reason"),
    [
        (Watch(), "kernel", "", ""),
        (Watch(), "other", "", "needs the esp engine 'kernel'; this machine has 'other'"),
        (Watch(), "kernel", "G-1", "G-1 did not pass, so there is nothing to judge"),
        (WatchAlways(), "kernel", "G-1", ""),
    ],
)
def test_a_step_that_is_skipped_observes_nothing(
    world: World, tmp_path: Path, verb: Verb, engine: str, blocked_by: str, reason: str
) -> None:
    world.engines["esp"] = engine
    step = STEP.model_copy(update={"require": {"esp": "kernel"}})
    result = run_step(cast(Context, world), step, verb, tmp_path, blocked_by)
    assert result.verdict is (Verdict.SKIPPED if reason else Verdict.PASSED)
    assert (result.message, world.ended) == (reason or "watched", not reason)


def test_what_is_abandoned_ends_and_has_no_result(world: World, tmp_path: Path) -> None:
    step = begun(world, tmp_path)
    step.abandon()
    assert world.ended
    assert step.result is None
    assert not list(tmp_path.iterdir())
    step.abandon()
