"""Run the checks of a product one after the other, and make a result of what they found."""

from __future__ import annotations

import platform
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from docker.errors import DockerException
from requests import RequestException

from lso.checking import steps
from lso.checking.judged import judged
from lso.vnf.checks import ProductCheck
from lso.vnf.faults import ProductFault
from lso.vnf.session import Session
from reports.console import Console
from reports.model import Check, Phase, RunResult, Scenario, StepResult, Verdict
from testbed.errors import Ended, ProbeError
from testbed.host.wiring import WiringError

TROUBLE = (OSError, RequestException, DockerException, WiringError, ProbeError, subprocess.SubprocessError)
"""What the machine does, not the product."""


def run_checks(session: Session, checks: Sequence[ProductCheck], console: Console, command: str) -> RunResult:
    """Run *checks* on the session's product, and tell the console of each; return the result."""
    began, at = time.monotonic(), datetime.now(UTC)
    done: list[StepResult] = []
    for check in checks:
        console.on_step_started(check.id, check.title)
        step = steps.new_step(check, "vnf", time.monotonic() - began)
        done.append(steps.blocked(step, done, checks) or _step(session, check, step))
        console.on_step_finished(done[-1])
    subject, kind, seconds = session.subject, session.kind.name, time.monotonic() - began
    return RunResult(
        run_id=f"{at:%Y%m%d-%H%M%S}-vnf-{subject.name.rpartition('/')[2]}",
        subject="product",
        scenario=Scenario(id=f"vnf-contract.{kind}", title=f"{subject.name}, a product of the kind {kind}"),
        started_at=at,
        duration_seconds=seconds,
        verdict=Verdict.worst(step.verdict for step in done),
        command=command,
        phases=(Phase(name="checks", started_seconds=0, duration_seconds=seconds),),
        steps=tuple(done),
        versions={"lso-testbed": version("lso-testbed"), **dict(sorted(subject.labels.items()))},
        images={subject.image: subject.id},
        machine={"kernel": platform.release(), "seed": str(session.seed)},
    )


def _step(session: Session, check: ProductCheck, step: StepResult) -> StepResult:
    started = time.monotonic()
    found: list[Check] = []
    error = ""
    try:
        found.extend(check.run(session))
    except ProductFault as fault:
        found.append(judged(check.title, False, "done", str(fault)))
    except (Ended, *TROUBLE) as trouble:
        fault_of_product = _ended(session)
        if fault_of_product:
            found.append(judged(check.title, False, "the container runs", fault_of_product))
        else:
            error = _message(trouble)
    done = steps.ended(step, check, found, error, time.monotonic() - started)
    if done.verdict is not Verdict.PASSED:
        session.drop()  # what comes next begins with a product in order
    return done


def _ended(session: Session) -> str:
    """What the product did if it was its container that ended."""
    try:
        rig = session.current
        return "" if rig is None or rig.runs() else str(rig.ended())
    except DockerException:
        return ""


def _message(trouble: Exception) -> str:
    if isinstance(trouble, subprocess.CalledProcessError):
        return f"{' '.join(map(str, trouble.cmd))[-120:]}: {str(trouble.stderr or trouble.stdout or trouble).strip()}"
    return str(trouble)
