"""The end of a check: nothing of it is left, and all else is as it was."""

from __future__ import annotations

from lso.ucpe.box import Box
from lso.ucpe.contract import clause
from lso.ucpe.others import disturbed, others
from lso.ucpe.trial import Trial
from reports.model import Check


async def run(box: Box, trial: Trial) -> list[Check]:
    """Remove all that was made, and compare what else there is with what was there before."""
    left = await trial.clear()
    changed = list(disturbed(trial.before, await others(box)))
    things = sum(map(len, trial.before.values()))
    return [
        clause("O2").judged("what was made", not left, "removed", "; ".join(left) or "removed"),
        clause("F2").judged("what was there", not changed, "as before", "; ".join(changed) or f"all {things} are"),
    ]
