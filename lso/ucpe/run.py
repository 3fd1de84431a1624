"""Run the checks of a box one after the other, take away what they made, and make a result of what they found."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from lso.checking import steps
from lso.ucpe.box import Box, Busy, Unjudged
from lso.ucpe.checks import REMOVAL, BoxCheck
from lso.ucpe.contract import clause
from lso.ucpe.others import others
from lso.ucpe.trial import Trial
from orchestrator.model import InventoryError, UcpeError, UcpeUnreachable
from orchestrator.ucpe.health import NONSENSE
from reports.console import Console
from reports.model import Check, Phase, RunResult, Scenario, StepResult, Verdict

STILL_MAKING_SECONDS = 2.0
"""Within that, a box has made what it was asked for when the interruption came."""


def run_checks(box: Box, checks: Sequence[BoxCheck], console: Console, command: str) -> RunResult:
    """Run *checks* on the box, and tell the console of each.

    Raises InventoryError for TLS files of no use, and Busy. However else it ends, what was made is removed.
    """
    try:
        return asyncio.run(_run_checks(box, checks, console, command))
    except (InventoryError, Busy):  # nothing was made
        raise
    except BaseException:  # Ctrl-C: its tasks are cancelled, and its sessions of no use any more
        asyncio.run(_clear(box))
        raise


async def _clear(box: Box) -> None:
    """Remove what there is, and once more what the box was still making when the interruption came."""
    async with box.opened():
        await Trial(box).clear()
        await asyncio.sleep(STILL_MAKING_SECONDS)
        await Trial(box).clear()


async def _run_checks(box: Box, checks: Sequence[BoxCheck], console: Console, command: str) -> RunResult:
    began, at = time.monotonic(), datetime.now(UTC)
    done: list[StepResult] = []
    async with box.opened():
        await box.be_alone()
        trial = Trial(box)
        await trial.clear()
        trial.before = await others(box)
        for check in (*(check for check in checks if check is not REMOVAL), REMOVAL):
            console.on_step_started(check.id, check.title)
            done.append(await _step(box, trial, check, began))
            console.on_step_finished(done[-1])
    seconds = time.monotonic() - began
    return RunResult(
        run_id=f"{at:%Y%m%d-%H%M%S}-ucpe-{box.ucpe.id}",
        subject="uCPE",
        scenario=Scenario(id="ucpe-contract", title=f"{box.ucpe.id}, a uCPE"),
        started_at=at,
        duration_seconds=seconds,
        verdict=_verdict([step.verdict for step in done]),
        command=command,
        phases=(Phase(name="checks", started_seconds=0, duration_seconds=seconds),),
        steps=tuple(done),
        versions={"lso-testbed": version("lso-testbed")},
        machine={endpoint.protocol: endpoint.address for endpoint in box.endpoints},
    )


def _verdict(verdicts: Sequence[Verdict]) -> Verdict:
    """A removal with nothing judged before it judges nothing."""
    judged = Verdict.worst(verdicts[:-1]) is not Verdict.SKIPPED or verdicts[-1].is_bad or len(verdicts) == 1
    return Verdict.worst(verdicts) if judged else Verdict.SKIPPED


async def _step(box: Box, trial: Trial, check: BoxCheck, began: float) -> StepResult:
    started = time.monotonic()
    step = steps.new_step(check, "ucpe", started - began)
    try:
        found = await check.run(box, trial)
    except Unjudged as reason:
        return step.model_copy(update={"message": str(reason), "duration_seconds": time.monotonic() - started})
    except UcpeError as error:
        found = [_failed(check, error.endpoint, error.message)]
        if isinstance(error, UcpeUnreachable):
            box.give_up(error)
    except NONSENSE as error:
        found = [_failed(check, "an endpoint", f"the answer is not of the protocol ({type(error).__name__}: {error})")]
    return steps.ended(step, check, found, "", time.monotonic() - started)


def _failed(check: BoxCheck, endpoint: str, problem: str) -> Check:
    """A check that could not go on is of the first clause that it is about."""
    return clause(check.place.partition(",")[0]).judged(f"{endpoint} does what it is asked", False, "done", problem)
