"""Prove the assertions of a scenario: break the healthy network in one way after another and see which steps notice."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from reports.model import Scenario, StepResult, Verdict
from reports.prove.model import Assertion as AssertionResult
from reports.prove.model import ProveResult, SabotageResult, Trial, status
from scenarios import picture
from scenarios.load import LoadedScenario
from scenarios.own_steps import own_steps
from scenarios.prove.apply import SabotageFailed, UndoFailed, applied
from scenarios.prove.audit import Audits
from scenarios.prove.plan import Application, Assertion, applications, wanted
from scenarios.prove.sabotage import LoadedSabotage, When
from scenarios.session import ApiStarter, opened, order
from scenarios.steps.clock import Clock
from scenarios.steps.context import Context
from scenarios.steps.step import run_step
from scenarios.steps.verb import Verb

LIMITS = {"within_seconds": 1.5, "seconds": 2}
"""The most of such parameters of a step in a broken network: the service is up, what does not hold then never will."""

RESTORE_SECONDS = 45.0
"""How long the network may take to be healthy after a sabotage was undone: tunnels come up anew, VNFs start."""


class Listener(Protocol):
    """Hears what happens while it happens."""

    def on_phase(self, name: str) -> None: ...
    def on_step_started(self, step_id: str, title: str) -> None: ...
    def on_step_finished(self, result: StepResult) -> None: ...
    def on_sabotage(self, sabotage_id: str, title: str) -> None: ...
    def on_trial(self, sabotage_id: str, trial: Trial) -> None: ...
    def on_sabotage_trouble(self, sabotage_id: str, error: str) -> None: ...


class Unhealthy(Exception):
    """A step does not pass in the network that nobody has broken: nothing can be proved there."""


class NotRestored(Exception):
    """The network is not as it was before a sabotage; another lab is needed."""


@dataclass
class _Tried:
    """What came of one sabotage."""

    sabotage: LoadedSabotage
    trials: list[Trial] = field(default_factory=list)
    reason: str = ""
    errors: list[str] = field(default_factory=list)

    def result(self) -> SabotageResult:
        told = self.sabotage.sabotage
        return SabotageResult(
            id=self.sabotage.id,
            title=told.title,
            broken=told.broken,
            file=self.sabotage.file.name,
            trials=tuple(self.trials),
            reason=self.reason,
            error="; ".join(self.errors),
        )


@dataclass
class _Proof:
    """What gathers while assertions are proved."""

    loaded: LoadedScenario
    catalogue: Sequence[LoadedSabotage]
    directory: Path
    start_api: ApiStarter
    listener: Listener
    clock: Clock = field(init=False)
    skipped: set[str] = field(default_factory=set)
    tried: dict[str, _Tried] = field(default_factory=dict)
    done: set[tuple[str, ...]] = field(default_factory=set)
    labs: int = 0

    def __post_init__(self) -> None:
        self.clock = Clock(self.listener.on_phase)
        self.tried = {sabotage.id: _Tried(sabotage) for sabotage in self.catalogue}
        scenario = self.loaded.scenario
        steps = [Assertion(step, verb) for step, verb in zip(scenario.steps, self.loaded.verbs, strict=True)]
        self._steps: dict[When, list[Assertion]] = {
            "service": [
                *(one for one in steps if not one.verb.removes),
                *(Assertion(*one) for one in own_steps(scenario)),
            ],
            "removed": [one for one in steps if one.verb.removes],
        }

    def everything(self) -> None:
        """Try all sabotages, in another lab whenever one could not be undone."""
        while True:
            try:
                with opened(self.loaded.scenario, self.start_api, self.clock) as context:
                    self._in_lab(context)
                return
            except NotRestored:
                continue  # it is told with the sabotage, which is not tried again

    def assertions(self) -> list[Assertion]:
        """Return all assertions that this machine can judge, in the scenario's order."""
        return [one for steps in self._steps.values() for one in steps if one.id not in self.skipped]

    def _in_lab(self, context: Context) -> None:
        self.labs += 1
        with self.clock.phase("order"):
            order(context)
        with self.clock.phase("the healthy network" if self.labs == 1 else "another lab"):
            self._healthy(context, self._first_steps())
        audits = Audits(context, self.directory / "evidence" / "healthy" / "audit")
        with self.clock.phase("sabotages of the service"):
            tried = self._sabotage(context, audits, "service")
        removing = self._steps["removed"]
        if removing and any(one.sabotage.when == "removed" for one in self.catalogue):
            if tried:
                raise NotRestored  # what sabotages have left must not be held against the removal
            with self.clock.phase("removal"):
                self._healthy(context, removing)
            with self.clock.phase("sabotages of the removal"):
                self._sabotage(context, audits, "removed")

    def _first_steps(self) -> list[Assertion]:
        """Return the steps that must pass before anything is broken; in a further lab the gates will do."""
        steps = self._steps["service"]
        return steps if self.labs == 1 else [one for one in steps if one.verb.gate] or steps

    def _healthy(self, context: Context, assertions: Sequence[Assertion]) -> None:
        """Run *assertions*, which must hold. Raises :class:`Unhealthy`."""
        for one in assertions:
            self.listener.on_step_started(one.id, one.step.title or one.verb.verb)
            result = run_step(context, one.step, one.verb, self._folder("healthy", one))
            self.listener.on_step_finished(result)
            if result.verdict is Verdict.SKIPPED:
                self.skipped.add(one.id)
            elif result.verdict is not Verdict.PASSED:
                raise Unhealthy(f"{one.id} {result.verdict} before anything was broken: {result.message}")

    def _sabotage(self, context: Context, audits: Audits, when: When) -> bool:
        """Try all sabotages of that time that were not tried yet; tell whether there were any."""
        before = len(self.done)
        assertions = [one for one in self._steps[when] if one.id not in self.skipped]
        for tried in sorted(self.tried.values(), key=lambda one: one.sabotage.sabotage.lasting):
            if tried.sabotage.sabotage.when != when:
                continue
            concerned = wanted(tried.sabotage, assertions)
            possible, tried.reason = applications(context, tried.sabotage, concerned)
            if not concerned:
                tried.reason = "the scenario has no step that must notice it"
            for application in possible:
                if application.key not in self.done:
                    self.done.add(application.key)
                    self._try(context, audits, application, tried)
        return len(self.done) > before

    def _try(self, context: Context, audits: Audits, application: Application, tried: _Tried) -> None:
        """Do the sabotage, judge the assertions, undo it, and judge them again until they hold."""
        self.listener.on_sabotage(tried.sabotage.id, tried.sabotage.sabotage.title)
        trials: dict[str, Trial] = {}
        try:
            self._break(context, audits, application, tried, trials)
            if tried.sabotage.sabotage.lasting:
                raise NotRestored
            self._restore(context, audits, application, trials)
        except (UndoFailed, NotRestored) as error:
            if str(error):
                self._trouble(tried, str(error))
            raise NotRestored from error
        finally:
            tried.trials += trials.values()

    def _break(
        self, context: Context, audits: Audits, application: Application, tried: _Tried, trials: dict[str, Trial]
    ) -> None:
        """Put into *trials* what the assertions make of the sabotage. Raises :class:`UndoFailed`."""
        try:
            with _watched(audits, application), applied(context, application):
                for one in application.assertions:
                    trials[one.id] = self._trial(context, application, one)
        except UndoFailed:
            raise
        except SabotageFailed as error:
            self._trouble(tried, str(error))

    def _restore(self, context: Context, audits: Audits, application: Application, trials: dict[str, Trial]) -> None:
        """Note in *trials* how long it takes until the assertions hold again. Raises :class:`NotRestored`."""
        for one in application.assertions:
            seconds = self._restored(context, audits, application, one)
            if one.id in trials:
                trials[one.id] = trials[one.id].model_copy(update={"restored_seconds": seconds})

    def _trial(self, context: Context, application: Application, one: Assertion) -> Trial:
        folder = self._folder(application.sabotage.id, one)
        result = run_step(context, one.step, limited(one.verb), folder)
        trial = Trial(
            step=one.id,
            verdict=result.verdict,
            check=next((check.name for check in result.checks if check.verdict.is_bad), ""),
            message=result.message,
            seconds=result.duration_seconds,
            evidence=f"{application.sabotage.id}/{one.id}",
        )
        self.listener.on_trial(application.sabotage.id, trial)
        return trial

    def _restored(self, context: Context, audits: Audits, application: Application, one: Assertion) -> float:
        """Return after how long *one* holds again. Raises :class:`NotRestored`."""
        began = time.monotonic()
        folder = self._folder(f"{application.sabotage.id}/undone", one)
        while True:
            with _watched(audits, application):
                result = run_step(context, one.step, limited(one.verb), folder)
            needed = time.monotonic() - began
            if result.verdict is Verdict.PASSED:
                return round(needed, 3)
            if needed > RESTORE_SECONDS:
                told = f"{one.id} {result.verdict} {needed:.0f} s after it was undone: {result.message}"
                raise NotRestored(f"the network was not restored: {told}")

    def _trouble(self, tried: _Tried, error: str) -> None:
        tried.errors.append(error)
        self.listener.on_sabotage_trouble(tried.sabotage.id, error)

    def _folder(self, name: str, one: Assertion) -> Path:
        return self.directory / "evidence" / name / one.id


@contextmanager
def _watched(audits: Audits, application: Application) -> Iterator[None]:
    """Audit the underlays anew for the length of the block, where an assertion judges what they carried."""
    with ExitStack() as stack:
        if any(one.verb.looks_back for one in application.assertions):
            stack.enter_context(audits.resumed())
        yield


def limited(verb: Verb) -> Verb:
    """Return *verb* with parameters of at most :data:`LIMITS`."""
    given = {name: getattr(verb, name) for name in LIMITS if name in type(verb).model_fields}
    return verb.model_copy(update={name: min(value, LIMITS[name]) for name, value in given.items()})


def prove(
    loaded: LoadedScenario,
    catalogue: Sequence[LoadedSabotage],
    directory: Path,
    start_api: ApiStarter,
    listener: Listener,
    *,
    complete: bool,
    command: str = "",
) -> ProveResult:
    """Prove the assertions of *loaded* with the sabotages of *catalogue*; evidence goes to ``directory/evidence``.

    *complete* says that these are all that there are. Returns the result, also after trouble or an interruption.
    """
    proof = _Proof(loaded, catalogue, directory, start_api, listener)
    started_at, error, interrupted = datetime.now(UTC), "", False
    try:
        proof.everything()
    except KeyboardInterrupt:
        interrupted = True
    except Unhealthy as unhealthy:
        error = str(unhealthy)
    except Exception as trouble:  # noqa: BLE001  (whatever it is, there must be a report that says so)
        error = f"{type(trouble).__name__}: {trouble}"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "trouble.txt").write_text("".join(traceback.format_exception(trouble)), encoding="utf-8")
    sabotages = tuple(tried.result() for tried in proof.tried.values())
    trials = [trial for one in sabotages for trial in one.trials]
    scenario = loaded.scenario
    return ProveResult(
        run_id=f"{started_at:%Y%m%dT%H%M%SZ}-{scenario.scenario}",
        scenario=Scenario(id=scenario.scenario, title=scenario.title, path=str(loaded.path), sha256=loaded.sha256),
        started_at=started_at,
        duration_seconds=round(proof.clock.now(), 3),
        command=command,
        complete=complete,
        interrupted=interrupted,
        error=error,
        assertions=tuple(
            AssertionResult(
                id=one.id, verb=one.verb.verb, title=one.step.title or one.verb.verb, status=status(one.id, trials)
            )
            for one in proof.assertions()
        ),
        sabotages=sabotages,
        versions=picture.versions(),
        machine=picture.machine(),
    )
