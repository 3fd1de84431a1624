"""Bundles may be large, or made to harm: what verifying one takes grows with its size and no faster."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lso.bundles.rejudge import rejudge
from reports.model import EvidenceFile, Verdict
from reports.read import load_run

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
