"""Bundles may be large, or made to harm: what verifying one takes grows with its size and no faster."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lso.bundles.rejudge import rejudge
from lso.bundles.times import impossible_times
from reports.model import EvidenceFile, Verdict
from reports.read import load_run
from scenarios.load import load

from ....bundled import POC
from ....growth import check_growth


@pytest.mark.parametrize("verdict", [Verdict.SKIPPED, Verdict.ERROR])
@pytest.mark.asyncio
async def test_steps_without_observation(run: Path, verdict: Verdict) -> None:
    result = load_run(run)
    first = result.steps[0].model_copy(update={"verdict": verdict})

    async def spend(size: int) -> float:
        evidence = [(EvidenceFile(path=f"{number}/file", title="", media=""),) for number in range(size)]
        steps = [
            first.model_copy(update={"id": f"S-{number}", "evidence": files}) for number, files in enumerate(evidence)
        ]
        names = dict.fromkeys(f"evidence/{number}/file" for number in range(size))
        many = result.model_copy(update={"steps": tuple(steps)})
        began = time.perf_counter()
        assert len(list(rejudge(run, names, many, {}))) == size
        return time.perf_counter() - began

    await check_growth("rejudge", spend, 5000)


@pytest.mark.parametrize(("seconds", "found"), [(1, 0), (0, 1)])
@pytest.mark.asyncio
async def test_times_of_steps(run: Path, seconds: int, found: int) -> None:
    """Of steps that follow each other, and of steps that all began at once: each is told of once."""
    loaded, result = load(POC), load_run(run)
    first = result.steps[0].model_copy(update={"duration_seconds": 1.0})

    async def spend(size: int) -> float:
        steps = [first.model_copy(update={"id": f"S-{n}", "started_seconds": float(n * seconds)}) for n in range(size)]
        many = result.model_copy(update={"steps": tuple(steps), "duration_seconds": float(size)})
        began = time.perf_counter()
        assert len(list(impossible_times(loaded, many))) == found * (size - 1)
        return time.perf_counter() - began

    await check_growth("impossible_times", spend, 5000)
