"""Prove the assertions of a scenario: break the healthy network in one way after another and see which steps notice."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from threading import Lock
from typing import Protocol

from reports.model import Scenario, StepResult, Verdict
from reports.prove.model import Assertion as AssertionResult
from reports.prove.model import ProveResult, Trial, status
from scenarios import picture
from scenarios.load import LoadedScenario
from scenarios.own_steps import own_steps
from scenarios.prove.apply import SabotageFailed, UndoFailed, applied
from scenarios.prove.audit import Audits
from scenarios.prove.left import Left, Tried
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

WORTH_A_LAB = 8
"""Sabotages for which a second lab is begun beside the first: steps wait for most of their time."""


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
class _Proof:
    """What gathers while assertions are proved, in two labs side by side."""

    loaded: LoadedScenario
    catalogue: Sequence[LoadedSabotage]
    directory: Path
    start_api: ApiStarter
    listener: Listener
    clock: Clock = field(init=False)
    skipped: set[str] = field(default_factory=set)
    tried: dict[str, Tried] = field(default_factory=dict)
    left: Left = field(default_factory=Left)
    speaking: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.clock = Clock(self.listener.on_phase)
        self.tried = {sabotage.id: Tried(sabotage) for sabotage in self.catalogue}
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
        """See that the network is healthy, and try all sabotages; in another lab whenever one could not be undone."""
        with ThreadPoolExecutor(max_workers=1) as pool:
            with suppress(NotRestored), opened(self.loaded.scenario, self.start_api, self.clock) as context:
                audits = self._begun(context, self.clock, "the healthy network", self._steps["service"])
                self._line_up()
                pays = self.left.worth(WORTH_A_LAB)
                beside = [pool.submit(self._in_labs, ("removed", "service"))] if pays else []
                with self._ending(), self.clock.phase("sabotages, in two labs" if pays else "sabotages"):
                    if when := self.left.first(("service", "removed")):
                        self._in_lab(context, audits, when)
            self._in_labs(("service", "removed"))
            for other in beside:
                other.result()

    def assertions(self) -> list[Assertion]:
        """Return all assertions that this machine can judge, in the scenario's order."""
        return [one for steps in self._steps.values() for one in steps if one.id not in self.skipped]

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """Let whatever ends the block early end what goes on beside it, too."""
        try:
            yield
        except NotRestored:
            raise
        except BaseException:
            self.left.end()
            raise

    def _line_up(self) -> None:
        """Put down the sabotages that a step must notice."""
        for tried in self.tried.values():
            steps = [one for one in self._steps[tried.when] if one.id not in self.skipped]
            tried.concerned = wanted(tried.sabotage, steps)
            if tried.concerned:
                self.left.add(tried)
            else:
                tried.reason = "the scenario has no step that must notice it"

    def _in_labs(self, turns: Sequence[When]) -> None:
        """Try in one lab after another what is left, in the order of *turns*: what was sabotaged is not removed."""
        with self._ending():
            while when := self.left.first(turns):
                clock = Clock(lambda _name: None)
                with suppress(NotRestored), opened(self.loaded.scenario, self.start_api, clock) as context:
                    gates = [one for one in self._steps["service"] if one.verb.gate]
                    self._in_lab(context, self._begun(context, clock, "another lab", gates), when)

    def _begun(self, context: Context, clock: Clock, name: str, steps: Sequence[Assertion]) -> Audits:
        """Order the service, see that *steps* hold, and return what was seen on the wire until then."""
        with clock.phase("order"):
            order(context)
        with clock.phase(name):
            self._healthy(context, steps)
        audits = Audits(context, self.directory / "evidence" / _healthy_folder(context) / "audit")
        context.counted = {}  # counters that lied once tell nothing more of all since the order
        return audits

    def _healthy(self, context: Context, assertions: Sequence[Assertion]) -> None:
        """Run *assertions*, which must hold; those of the first lab are told. Raises :class:`Unhealthy`.

        One that fails is asked again: a machine that is busy for a moment says nothing of the assertion.
        """
        told = context.clock is self.clock
        for one in assertions:
            if told:
                self.listener.on_step_started(one.id, one.step.title or one.verb.verb)
            result = run_step(context, one.step, one.verb, self._folder(_healthy_folder(context), one))
            if result.verdict is Verdict.FAILED and not one.verb.removes:
                result = run_step(context, one.step, one.verb, self._folder(f"{_healthy_folder(context)}/again", one))
            if told:
                with self.speaking:
                    self.listener.on_step_finished(result)
            if result.verdict is Verdict.SKIPPED:
                self.skipped.add(one.id)
            elif result.verdict is not Verdict.PASSED:
                raise Unhealthy(f"{one.id} {result.verdict} before anything was broken: {result.message}")

    def _in_lab(self, context: Context, audits: Audits, when: When) -> None:
        """Try all sabotages of that time that nobody else tries. Raises :class:`NotRestored`."""
        if when == "removed":
            self._healthy(context, self._steps[when])
        while tried := self.left.next(when):
            possible, tried.reason = applications(context, tried.sabotage, tried.concerned)
            for application in possible:
                if tried.begins(application.key):
                    try:
                        self._try(context, audits, application, tried)
                    except NotRestored:
                        self.left.add_again(tried, [one.key for one in possible])
                        raise

    def _try(self, context: Context, audits: Audits, application: Application, tried: Tried) -> None:
        """Do the sabotage, judge the assertions, undo it, and judge them again until they hold."""
        with self.speaking:
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
        self, context: Context, audits: Audits, application: Application, tried: Tried, trials: dict[str, Trial]
    ) -> None:
        """Put into *trials* what the assertions make of the sabotage. Raises :class:`UndoFailed`."""
        try:
            with _watched(audits, application), applied(context, application):
                for one in application.assertions:
                    self._go_on()
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
        bad = [check.name for check in result.checks if check.verdict.is_bad]
        trial = Trial(
            step=one.id,
            verdict=result.verdict,
            check=next((name for name in bad if fnmatchcase(name, one.check)), next(iter(bad), "")),
            demanded=one.check,
            message=result.message,
            seconds=result.duration_seconds,
            evidence=f"{application.sabotage.id}/{one.id}",
        )
        with self.speaking:
            self.listener.on_trial(application.sabotage.id, trial)
        return trial

    def _restored(self, context: Context, audits: Audits, application: Application, one: Assertion) -> float:
        """Return after how long *one* holds again. Raises :class:`NotRestored`."""
        began = time.monotonic()
        folder = self._folder(f"{application.sabotage.id}/undone", one)
        while True:
            self._go_on()
            with _watched(audits, application):
                result = run_step(context, one.step, limited(one.verb), folder)
            needed = time.monotonic() - began
            if result.verdict is Verdict.PASSED:
                return round(needed, 3)
            if needed > RESTORE_SECONDS:
                told = f"{one.id} {result.verdict} {needed:.0f} s after it was undone: {result.message}"
                raise NotRestored(f"the network was not restored: {told}")

    def _go_on(self) -> None:
        """Raise :class:`NotRestored` when all is to end."""
        if self.left.ended:
            raise NotRestored

    def _trouble(self, tried: Tried, error: str) -> None:
        if self.left.ended:
            return  # an interruption is no fault of the sabotage
        tried.errors.append(error)
        with self.speaking:
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


def _healthy_folder(context: Context) -> str:
    return f"healthy/{context.lab.id}"


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
