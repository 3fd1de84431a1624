"""Run one step: its verb observes, the observation is written down, then judged. Whatever happens is a value."""

from __future__ import annotations

import traceback
from collections.abc import Generator, Iterator
from pathlib import Path

from reports.model import StepResult, Verdict
from scenarios.file.format import Step
from scenarios.steps.checks import Judgement
from scenarios.steps.context import Context
from scenarios.steps.observation import FILE_NAME, EndedVnf, Observation, judge
from scenarios.steps.recorder import NetworkFault, Recorder
from scenarios.steps.verb import Verb, Watching
from testbed.errors import ProbeError


def run_step(context: Context, step: Step, verb: Verb, folder: Path, blocked_by: str = "") -> StepResult:
    """Return what *verb* finds as *step*; its evidence goes to *folder*.

    *blocked_by* is the id of a gate that did not pass: only verbs that run always are judged behind it.
    """
    return RunningStep(context, step, verb, folder, blocked_by).finish()


class RunningStep:
    """What :func:`run_step` runs; where it only watches from some point on, others may run beside it.

    It has its *result* when it has ended. At the moment *until* of the monotonic clock it will have watched for long
    enough.
    """

    def __init__(self, context: Context, step: Step, verb: Verb, folder: Path, blocked_by: str = "") -> None:
        self.step, self.title = step, step.title or verb.verb
        self.started = context.clock.now()
        self.result: StepResult | None = None
        self.until = 0.0
        self._run = _run(context, self, verb, folder, blocked_by)

    def go_on(self) -> None:
        """Run until it has a result, or until there is nothing to do but to watch."""
        try:
            self.until = next(self._run)
        except StopIteration as end:
            self.result = end.value

    def finish(self) -> StepResult:
        """Return the result, once it has watched for long enough."""
        while self.result is None:
            self.go_on()
        return self.result

    def abandon(self) -> None:
        """End what still watches, without a result. Safe to repeat."""
        self._run.close()


def _run(context: Context, running: RunningStep, verb: Verb, folder: Path, blocked_by: str) -> Watching[StepResult]:
    step = running.step
    recorder, judgement = Recorder(folder), Judgement()
    skipped = _reason_to_skip(context, step, verb, blocked_by)
    if not skipped:
        judgement = yield from _observe_and_judge(context, verb, recorder)
    return StepResult(
        id=step.id,
        verb=verb.verb,
        title=running.title,
        reference=step.reference,
        verdict=Verdict.SKIPPED if skipped else judgement.verdict,
        message=skipped or judgement.message,
        started_seconds=round(running.started, 3),
        duration_seconds=round(context.clock.now() - running.started, 3),
        checks=tuple(judgement.checks),
        evidence=tuple(recorder.evidence),
        waits=tuple(recorder.waits),
        series=tuple(verb.series(folder)),
        live_command=verb.live_command(context),
        engines=dict(context.engines),
        elements=tuple(verb.elements(context)),
    )


def _reason_to_skip(context: Context, step: Step, verb: Verb, blocked_by: str) -> str:
    if blocked_by and not verb.always:
        return f"{blocked_by} did not pass, so there is nothing to judge"
    for capability, wanted in step.require.items():
        if (engine := context.engines.get(capability, "none")) != wanted:
            return f"needs the {capability} engine {wanted!r}; this machine has {engine!r}"
    return ""


def _observe_and_judge(context: Context, verb: Verb, recorder: Recorder) -> Watching[Judgement]:
    """Return the judgement of what *verb* observes; trouble of the test-bed is an error, never a network's failure."""
    try:
        observation = yield from _observe(context, verb, recorder)
        judgement = judge(verb, observation)
        if judgement.verdict is Verdict.FAILED:
            observation = observation.model_copy(update={"ended": tuple(_ended_vnfs(context))})
            recorder.path(FILE_NAME).write_text(observation.text(), encoding="utf-8")
            judgement = judge(verb, observation)
    except Exception as error:  # noqa: BLE001  (one step's trouble must not take the other steps' proof away)
        judgement = Judgement(error=error)
    if judgement.error:
        trouble = "".join(traceback.format_exception(judgement.error))
        recorder.text("trouble.txt", "what went wrong in the test-bed", trouble)
    return judgement


def _observe(context: Context, verb: Verb, recorder: Recorder) -> Watching[Observation]:
    evidence = None
    if verb.removes:
        context.audit.remember(context)
    with recorder.until_fault():
        observed = verb.observe(context, recorder)
        evidence = (yield from observed) if isinstance(observed, Generator) else observed
    observation = Observation.of(verb, evidence, recorder.fault)
    title = "what the step observed: its checks follow from this and the files that it names"
    recorder.text(FILE_NAME, title, observation.text(), "application/json")
    return observation


def _ended_vnfs(context: Context) -> Iterator[EndedVnf]:
    """Yield the VNFs that do not run."""
    for site in context.chains:
        try:
            containers = context.view(site).vnf_containers(context.service_id)
        except (NetworkFault, ProbeError):
            continue  # the step's own checks say what is wrong with the uCPE
        for container in containers:
            if container.state != "running":
                yield EndedVnf(site=site, name=container.labels.get("lso.vnf", ""), state=container.state)
