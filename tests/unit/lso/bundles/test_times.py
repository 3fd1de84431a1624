"""Which steps of a run may overlap: one that watches, and those that neither disturb it nor are disturbed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lso.bundles.times import impossible_times
from reports.model import RunResult, Scenario, StepResult, Verdict
from scenarios.load import load

POC = Path(__file__).parents[4] / "scenarios" / "poc-two-sites"


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ({"POC-08": (1, 3), "POC-09": (2, 3), "POC-10": (3, 1), "POC-11": (5, 1)}, []),
        ({"POC-09": (1, 3), "POC-11": (3, 1)}, ["POC-11 began 3 s after the start, when POC-09 had not ended"]),
        ({"POC-10": (1, 3), "POC-11": (3, 1)}, ["POC-11 began 3 s after the start, when POC-10 had not ended"]),
        ({"POC-07": (1, 3), "POC-08": (3, 1)}, ["POC-08 began 3 s after the start, when POC-07 had not ended"]),
        (
            {"POC-08": (1, 5), "POC-09": (2, 1), "POC-11": (4, 1)},
            ["POC-11 began 4 s after the start, when POC-08 had not ended"],
        ),
        ({"POC-08": (2, 3), "POC-09": (1, 3)}, ["POC-09 began 1 s after the start, when POC-08 had not ended"]),
        ({"POC-08": (8, 3)}, ["POC-08 ended 11 s after the start of a run of 10 s"]),
    ],
)
def test_only_a_step_that_watches_goes_on_beside_others(times: dict[str, tuple[float, float]], told: list[str]) -> None:
    loaded = load(POC)
    verbs = {step.id: step.verb for step in loaded.scenario.steps}
    steps = tuple(
        StepResult(
            id=name,
            verb=verbs[name],
            title=name,
            verdict=Verdict.PASSED,
            started_seconds=started,
            duration_seconds=seconds,
        )
        for name, (started, seconds) in times.items()
    )
    result = RunResult(
        run_id="x",
        scenario=Scenario(id=loaded.scenario.scenario, title=""),
        started_at=datetime.now(UTC),
        duration_seconds=10,
        verdict=Verdict.PASSED,
        steps=steps,
    )
    assert list(impossible_times(loaded, result)) == told
