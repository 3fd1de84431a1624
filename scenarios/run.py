"""Run a scenario: start its lab, order its service, prove its steps, leave nothing behind. The result is a value."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from reports.model import Ending, RunResult, Scenario, StepResult, Timing, Verdict
from reports.write import STATE
from scenarios import inputs, picture, state
from scenarios.file.format import Step
from scenarios.load import LoadedScenario
from scenarios.network.digests import digested
from scenarios.network.management_audit import management_audited
from scenarios.network.underlay_audit import audited
from scenarios.ordering.presto_client import PrestoError
from scenarios.own_steps import at_the_end, before_removal
from scenarios.session import DATABASE, ApiStarter, new_lab, open_face, order, start
from scenarios.steps.clock import Clock
from scenarios.steps.context import Context
from scenarios.steps.step import RunningStep
from scenarios.steps.verb import Verb
from testbed import doctor
from testbed.images import build
from testbed.lab import Lab

INTERNAL_SERVER_ERROR = 500
ESTABLISHED, WHOLE_RUN = "order to tunnel established", "whole run"


class Listener(Protocol):
    """Hears what happens while it happens."""

    def on_phase(self, name: str) -> None: ...
    def on_step_started(self, step_id: str, title: str) -> None: ...
    def on_step_finished(self, result: StepResult) -> None: ...


@dataclass(frozen=True)
class Options:
    """How to run: keep the lab afterwards, call *pause* after a step that did not pass, end after the step *until*.

    *templates* are the files that sites are made from, by name, *plans* what finds out what was made of them.
    """

    command: str = ""
    keep: bool = False
    until: str | None = None
    pause: Callable[[str, StepResult], None] | None = None
    templates: Mapping[str, Path] = field(default_factory=dict)
    plans: state.Plans = state.no_plans


@dataclass
class _Run:
    """What gathers while a scenario runs."""

    loaded: LoadedScenario
    directory: Path
    options: Options
    start_api: ApiStarter
    listener: Listener
    clock: Clock = field(init=False)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    steps: list[StepResult] = field(default_factory=list)
    watching: list[RunningStep] = field(default_factory=list)
    context: Context | None = None
    error: str = ""
    ending: Ending = "complete"
    lab_id: str = ""
    lab_runs: bool = False

    def __post_init__(self) -> None:
        self.clock = Clock(self.listener.on_phase)

    def everything(self) -> None:
        """Lab, API, order, steps; each undone in reverse, whatever happens."""
        inputs.keep(self.loaded, self.options.templates, self.directory)
        scenario = self.loaded.scenario
        with ExitStack() as stack:
            lab = stack.enter_context(self._lab())
            with self.clock.phase("start the lab"):
                url = start(lab, self.start_api(lab.inventory, lab.folder / DATABASE, scenario), stack)
            self.lab_runs = True
            with self.clock.phase("watch the management network"):
                management = stack.enter_context(management_audited(lab))
            face = stack.enter_context(open_face(scenario, url))
            with self.clock.phase("watch the underlays"):
                audit = stack.enter_context(audited(scenario, lab))
            with self.clock.phase("watch the chains"):
                digests = stack.enter_context(digested(scenario, lab))
            engines = dict(lab.engines)
            self.context = Context(scenario, lab, face, self.clock, audit, management, digests=digests, engines=engines)
            with self.clock.phase("order"):
                self._order(self.context)
            with self.clock.phase("steps"), self._abandoned_at_the_end():
                self._steps(self.context)

    def _order(self, context: Context) -> None:
        try:
            order(context)
        finally:
            inputs.keep_order(context.face.sent, self.directory)

    @contextmanager
    def _lab(self) -> Iterator[Lab]:
        with self.clock.phase("check the images"):
            lab = new_lab(self.loaded.scenario)
        self.lab_id = lab.id
        try:
            yield lab
        finally:
            if self.options.keep and self.lab_runs:
                lab.keep()
            else:
                with self.clock.phase("stop the lab"):
                    lab.stop()

    @contextmanager
    def _abandoned_at_the_end(self) -> Iterator[None]:
        """End what still watches when the block has ended, which is then for an interruption or an error."""
        try:
            yield
        finally:
            for running in self.watching:
                running.abandon()

    def _steps(self, context: Context) -> None:
        blocked_by = ""
        to_ask = list(before_removal(self.loaded.scenario))
        for step, verb in zip(self.loaded.scenario.steps, self.loaded.verbs, strict=True):
            self._finish_watching(context, beside=verb.beside)
            if verb.removes and to_ask:
                self._own_steps(context, to_ask, blocked_by)
                to_ask = []
                self._keep_state(context, state.BEFORE_REMOVAL)
            result = self._step(context, step, verb, blocked_by)
            if result and result.verdict.is_bad and verb.gate:
                blocked_by = step.id
            if step.id == self.options.until:
                break
        self._finish_watching(context)
        self._keep_state(context, state.AT_THE_END)
        self._own_steps(context, [*to_ask, *at_the_end(self.loaded.scenario)], blocked_by)

    def _own_steps(self, context: Context, steps: Sequence[tuple[Step, Verb]], blocked_by: str) -> None:
        for step, verb in steps:
            self._step(context, step, verb, blocked_by)

    def _keep_state(self, context: Context, moment: str) -> None:
        with self.clock.phase("keep the state"):
            plans = self.options.plans
            state.dump(context, self.directory / STATE / moment, lambda: plans(context.lab.folder / DATABASE))

    def _step(self, context: Context, step: Step, verb: Verb, blocked_by: str = "") -> StepResult | None:
        """Return the result of the step, None while it watches on: where nobody wants to look at once."""
        self.listener.on_step_started(step.id, step.title or verb.verb)
        running = RunningStep(context, step, verb, self.directory / "evidence" / step.id, blocked_by)
        self.watching.append(running)
        running.go_on()
        watches = not (running.result or verb.gate or self.options.pause)
        return None if watches else self._finish(context, running)

    def _finish_watching(self, context: Context, *, beside: bool = False) -> None:
        """Finish the steps that watch; where the next one may run *beside* them, only those that need not wait."""
        for running in [*self.watching]:
            if not beside or running.until <= time.monotonic():
                self.listener.on_step_started(running.step.id, running.title)
                self._finish(context, running)

    def _finish(self, context: Context, running: RunningStep) -> StepResult:
        result = running.finish()
        self.watching.remove(running)
        self.steps.append(result)
        self.listener.on_step_finished(result)
        if result.verdict.is_bad and self.options.pause:
            self.options.pause(context.lab.id, result)
        return result

    def result(self) -> RunResult:
        """Return everything that is known now as the result of the run."""
        scenario, seconds = self.loaded.scenario, self.clock.now()
        verdict = Verdict.ERROR if self.error else Verdict.worst(step.verdict for step in self.steps)
        capabilities = doctor.capabilities()
        return RunResult(
            run_id=f"{self.started_at:%Y%m%dT%H%M%SZ}-{self.lab_id or scenario.scenario}",
            scenario=Scenario(
                id=scenario.scenario, title=scenario.title, path=str(self.loaded.path), sha256=self.loaded.sha256
            ),
            started_at=self.started_at,
            duration_seconds=round(seconds, 3),
            verdict=verdict,
            error=self.error,
            command=self.options.command,
            lab=self.lab_id,
            lab_kept=self.lab_runs and self.options.keep,
            ending=self.ending,
            phases=tuple(self.clock.phases),
            steps=tuple(sorted([*self.steps, *self._not_reached()], key=lambda step: step.started_seconds)),
            timings=tuple(self._timings(seconds)),
            engines=picture.engines(capabilities, self.context.engines if self.context else {}),
            topology=picture.topology(scenario, self.context),
            versions=picture.versions(),
            images=build.identities() if self.context else {},
            machine=picture.machine(),
        )

    def every_step(self) -> Iterator[tuple[Step, Verb]]:
        """Yield the steps of the scenario, and those that each run has beside them."""
        scenario = self.loaded.scenario
        yield from zip(scenario.steps, self.loaded.verbs, strict=True)
        yield from [*before_removal(scenario), *at_the_end(scenario)]

    def _not_reached(self) -> Iterator[StepResult]:
        """Yield the steps that an interruption left without a verdict, the one under way first."""
        if self.ending != "interrupted":
            return
        judged, begun = {step.id for step in self.steps}, {one.step.id: one.started for one in self.watching}
        for step, verb in self.every_step():
            if step.id in judged:
                continue
            yield StepResult(
                id=step.id,
                verb=verb.verb,
                title=step.title or verb.verb,
                reference=step.reference,
                verdict=Verdict.SKIPPED,
                message="the run was interrupted before this step had a verdict",
                started_seconds=round(begun.get(step.id, self.clock.now()), 3),
            )

    def _timings(self, seconds: float) -> Iterator[Timing]:
        context, goals = self.context, self.loaded.scenario.goals
        if context and context.established_at is not None:
            needed = round(context.established_at - context.ordered_at, 3)
            yield Timing(name=ESTABLISHED, seconds=needed, goal_seconds=goals.established_seconds)
        yield Timing(name=WHOLE_RUN, seconds=round(seconds, 3), goal_seconds=goals.run_seconds)


def run(
    loaded: LoadedScenario, directory: Path, start_api: ApiStarter, listener: Listener, options: Options
) -> RunResult:
    """Run *loaded*; evidence goes to ``directory/evidence``. Returns the result, also when the test-bed had trouble.

    An interruption (KeyboardInterrupt) undoes the lab; the result has what was judged so far and says so.
    """
    progress = _Run(loaded, directory, options, start_api, listener)
    try:
        progress.everything()
    except KeyboardInterrupt:
        progress.ending = "interrupted"
        judged, steps = len(progress.steps), len([*progress.every_step()])
        progress.error = f"the run was interrupted when {judged} of {steps} steps had a verdict"
    except PrestoError as error:
        progress.ending = "refused" if error.status < INTERNAL_SERVER_ERROR else "complete"
        progress.error = str(error)
    except Exception as error:  # noqa: BLE001  (whatever it is, the run must end with a report that says so)
        progress.error = f"{type(error).__name__}: {error}"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "trouble.txt").write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    return progress.result()
