"""In which order steps end and are listed when some of them watch, and what an interruption leaves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest

from reports.model import RunResult, StepResult, Verdict
from scenarios import run as running
from scenarios.file.format import Step
from scenarios.load import LoadedScenario, load
from scenarios.run import Options
from scenarios.steps.checks import Judgement, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence
from scenarios.steps.recorder import Recorder
from scenarios.steps.verb import Verb, Watching
from testbed import doctor
from testbed.images import build

POC = load(Path(__file__).parents[3] / "scenarios" / "poc-two-sites")
LONG_SECONDS = 3600  # longer than any machine takes for the steps beside; nobody waits for it


class Seen(Evidence):
    """Whether all was as it should be."""

    good: bool


class Walk(Verb):
    """Do one thing, or be interrupted while doing it."""

    verb = "walk"
    good: bool = True
    interrupted: bool = False

    def observe(self, context: Context, recorder: Recorder) -> Seen:
        if self.interrupted:
            raise KeyboardInterrupt
        return Seen(good=self.good)

    def judge(self, evidence: Seen) -> Judgement:
        return Judgement([equal("good", evidence.good, True)], "seen")


class Beside(Walk):
    """The same beside others that watch."""

    verb = "beside"
    beside: ClassVar[bool] = True


class Watch(Walk):
    """Watch for long, or *briefly*; *given_up* has a word for each whose watching was ended before."""

    verb = "watch"
    briefly: bool = False
    given_up: ClassVar[list[str]] = []

    def observe(self, context: Context, recorder: Recorder) -> Watching[Seen]:  # type: ignore[override]
        time.sleep(0.002)  # what it does before it watches: so the next step begins in a later millisecond
        try:
            yield time.monotonic() + (0 if self.briefly else LONG_SECONDS)
        except GeneratorExit:
            self.given_up.append(self.verb)
            raise
        return Seen(good=self.good)


class WatchBeside(Watch):
    """Watch while others do."""

    verb = "watch-beside"
    beside: ClassVar[bool] = True


class WatchAsGate(Watch):
    """Watch, and let nothing be judged when that has failed."""

    verb = "gate"
    gate: ClassVar[bool] = True


@dataclass
class Heard:
    """What a listener was told: ``+ID`` and ``-ID`` where a step begins or goes on, and where it has ended."""

    told: list[str] = field(default_factory=list)

    def on_phase(self, name: str) -> None:
        if name == "keep the state":
            self.told.append("state")

    def on_step_started(self, step_id: str, title: str) -> None:
        self.told.append(f"+{step_id}")

    def on_step_finished(self, result: StepResult) -> None:
        self.told.append(f"-{result.id}")


Run = Callable[..., tuple[RunResult, list[str]]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A function that runs verbs as the steps of a scenario, in a lab of nothing; steps are called A, B, C …"""
    lab = SimpleNamespace(
        id="lab", folder=tmp_path, inventory=tmp_path, engines={}, prepare=list, start=list, stop=list
    )
    world = SimpleNamespace(
        lab=lab,
        engines={},
        chains={},
        tunnels={},
        established_at=None,
        service_sites=list,
        face=SimpleNamespace(sent=[]),
    )
    own: dict[str, Any] = {"new_lab": lab, "order": None, "before_removal": (), "at_the_end": ()}
    own |= {name: nullcontext() for name in ("management_audited", "open_face", "audited", "digested")}
    for name, value in own.items():
        monkeypatch.setattr(running, name, lambda *_arguments, value=value: value)
    monkeypatch.setattr(running, "Context", lambda _scenario, _lab, _face, clock, *_, **__: _with(world, clock))
    monkeypatch.setattr(doctor, "capabilities", list)
    monkeypatch.setattr(build, "identities", dict)

    def all_of(*verbs: Verb, **options: Any) -> tuple[RunResult, list[str]]:
        steps = [Step(id=f"S-{number}", verb=verb.verb) for number, verb in enumerate(verbs, 1)]
        scenario = POC.scenario.model_copy(update={"steps": steps})
        loaded: LoadedScenario = replace(POC, scenario=scenario, verbs=verbs)
        heard = Heard()
        return running.run(loaded, tmp_path, lambda *_: nullcontext(""), heard, Options(**options)), heard.told

    Watch.given_up.clear()
    yield all_of


def _with(world: SimpleNamespace, clock: Any) -> Context:
    world.clock = clock
    return cast(Context, world)


def _listed(result: RunResult) -> list[str]:
    assert not result.error
    return [step.id for step in result.steps]


def test_steps_beside_one_that_watches_end_before_it_and_are_listed_behind_it(run: Run) -> None:
    result, told = run(Watch(), Beside(), Beside(), Walk())
    assert told == ["+S-1", "+S-2", "-S-2", "+S-3", "-S-3", "+S-1", "-S-1", "+S-4", "-S-4", "state"]
    assert _listed(result) == ["S-1", "S-2", "S-3", "S-4"]
    assert result.verdict is Verdict.PASSED
    watched, *_, last = result.steps
    assert last.started_seconds >= watched.started_seconds + watched.duration_seconds - 0.002  # each is rounded


def test_what_has_watched_for_long_enough_ends_before_the_next_step(run: Run) -> None:
    _, told = run(Watch(briefly=True), Watch(), Beside())
    assert told == ["+S-1", "+S-1", "-S-1", "+S-2", "+S-3", "-S-3", "+S-2", "-S-2", "state"]
    _, told = run(Watch(), WatchBeside(briefly=True), Beside())
    assert told == ["+S-1", "+S-2", "+S-2", "-S-2", "+S-3", "-S-3", "+S-1", "-S-1", "state"]


@pytest.mark.parametrize(
    ("first", "options"), [(WatchAsGate(), {}), (Watch(), {"pause": lambda _lab, _step: None})], ids=["gate", "pause"]
)
def test_where_the_result_is_wanted_at_once_nothing_runs_beside(run: Run, first: Verb, options: Any) -> None:
    assert run(first, Beside(), **options)[1] == ["+S-1", "-S-1", "+S-2", "-S-2", "state"]


def test_a_gate_that_watches_leaves_nothing_to_judge_when_it_fails(run: Run) -> None:
    result, _ = run(WatchAsGate(good=False, briefly=True), Beside())
    assert [step.verdict for step in result.steps] == [Verdict.FAILED, Verdict.SKIPPED]


def test_what_watched_and_failed_fails_the_run_and_only_a_failed_step_pauses_it(run: Run) -> None:
    paused: list[tuple[str, str]] = []
    wrong = Watch(good=False, briefly=True)
    result, _ = run(Watch(briefly=True), wrong, Beside(), pause=lambda lab, step: paused.append((lab, step.id)))
    assert (result.verdict, paused) == (Verdict.FAILED, [("lab", "S-2")])
    assert run(wrong, Beside())[0].verdict is Verdict.FAILED


def test_the_last_step_of_a_run_is_watched_to_its_end(run: Run) -> None:
    result, told = run(Beside(), Watch(), Beside(), until="S-2")
    assert told == ["+S-1", "-S-1", "+S-2", "+S-2", "-S-2", "state"]
    assert _listed(result) == ["S-1", "S-2"]


def test_an_interruption_ends_what_watches_and_both_are_listed_without_a_verdict(run: Run) -> None:
    result, told = run(Walk(), Watch(), Beside(), Beside(interrupted=True), Walk())
    assert told == ["+S-1", "-S-1", "+S-2", "+S-3", "-S-3", "+S-4"]
    assert Watch.given_up == ["watch"]
    assert (result.ending, result.verdict) == ("interrupted", Verdict.ERROR)
    assert result.error == "the run was interrupted when 2 of 5 steps had a verdict"
    assert [(step.id, step.verdict) for step in result.steps] == [
        ("S-1", Verdict.PASSED),
        ("S-2", Verdict.SKIPPED),
        ("S-3", Verdict.PASSED),
        ("S-4", Verdict.SKIPPED),
        ("S-5", Verdict.SKIPPED),
    ]


def test_an_interrupted_run_lists_also_the_steps_that_each_run_has(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    own = [(Step.model_validate({"id": "own", "verb": "ping", "title": "of each run"}), Walk())]
    monkeypatch.setattr(running, "at_the_end", lambda _scenario: own)
    result, _ = run(Walk(), Walk(interrupted=True))
    assert result.error == "the run was interrupted when 1 of 3 steps had a verdict"
    assert [(step.id, step.verdict) for step in result.steps][1:] == [
        ("S-2", Verdict.SKIPPED),
        ("own", Verdict.SKIPPED),
    ]


def test_trouble_ends_what_watches(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def trouble(*_arguments: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(Heard, "on_step_finished", trouble)
    result, _ = run(Watch(), Beside())
    assert Watch.given_up == ["watch"]
    assert (result.ending, result.verdict, result.error) == ("complete", Verdict.ERROR, "OSError: no room")
