"""Judge one step: run its verb, gather its proof, decide its verdict. Whatever happens, the result is a value."""

from __future__ import annotations

import traceback
from pathlib import Path

from reports.model import StepResult, Verdict
from scenarios.context import Context
from scenarios.format import Step
from scenarios.proof import Fault, Proof
from scenarios.verb import Verb
from testbed.errors import ProbeError


def judge(context: Context, step: Step, verb: Verb, folder: Path, blocked_by: str = "") -> StepResult:
    """Return what *verb* finds as *step*; its evidence goes to *folder*.

    *blocked_by* is the id of a gate that did not pass: only verbs that run always are judged behind it.
    """
    started = context.clock.now()
    proof = Proof(step.id, folder)
    verdict, message = _verdict(context, step, verb, proof, blocked_by)
    return StepResult(
        id=step.id,
        verb=verb.verb,
        title=step.title or verb.verb,
        reference=step.reference,
        verdict=verdict,
        message=message,
        hint=proof.hint,
        started_seconds=round(started, 3),
        duration_seconds=round(context.clock.now() - started, 3),
        checks=tuple(proof.checks),
        evidence=tuple(proof.evidence),
        waits=tuple(proof.waits),
        series=tuple(proof.series),
        live_command=verb.live_command(context),
        engines=dict(context.engines),
        elements=tuple(verb.elements(context)),
    )


def _verdict(context: Context, step: Step, verb: Verb, proof: Proof, blocked_by: str) -> tuple[Verdict, str]:
    if blocked_by and not verb.always:
        return Verdict.SKIPPED, f"{blocked_by} did not pass, so there is nothing to judge"
    if missing := _missing_engine(step, context.engines):
        return Verdict.SKIPPED, missing
    return _prove(context, verb, proof)


def _missing_engine(step: Step, engines: dict[str, str]) -> str:
    for capability, wanted in step.require.items():
        if engines.get(capability) != wanted:
            return f"needs the {capability} engine {wanted!r}; this machine has {engines.get(capability, 'none')!r}"
    return ""


def _prove(context: Context, verb: Verb, proof: Proof) -> tuple[Verdict, str]:
    """Return the verdict and its sentence; trouble of the test-bed is an error, never a failure of the network."""
    sentence = ""
    try:
        sentence = verb.prove(context, proof)
    except Fault as fault:
        proof.check(fault.what, False, expected=fault.expected, measured=fault.measured)
    except Exception as error:  # noqa: BLE001  (one step's trouble must not take the other steps' proof away)
        proof.add_text("trouble.txt", "what went wrong in the test-bed", "".join(traceback.format_exception(error)))
        return Verdict.ERROR, f"{type(error).__name__}: {error}"
    if proof.verdict is Verdict.PASSED:
        return Verdict.PASSED, sentence
    _note_ended(context, proof)
    return proof.verdict, proof.first_failure or "the step gathered no check, so it proved nothing"


def _note_ended(context: Context, proof: Proof) -> None:
    """Name the VNFs that do not run, behind what failed: they are why, and the picture shows them."""
    blamed = {check.element for check in proof.checks if check.verdict.is_bad}
    for site in context.chains:
        try:
            containers = context.view(site).vnf_containers(context.service_id)
        except (Fault, ProbeError):
            continue  # the step's own checks say what is wrong with the uCPE
        for container in containers:
            name = container.labels.get("lso.vnf", "")
            element = f"vnf:{site}/{name}"
            if container.state != "running" and element not in blamed:
                proof.equal(f"{site}: {name}", container.state, "running", element=element)
