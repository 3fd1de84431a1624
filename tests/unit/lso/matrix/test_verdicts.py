"""What a run means for its cell, and which failures are declared."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lso.matrix.verdicts import judged, outcome_of
from reports.matrix import Deviation, Outcome
from reports.model import RunResult, Scenario, StepResult, TopologyPicture, Verdict

KNOWN = (Deviation(cells={"pair": "x-*", "option": "esn"}, reason="x has no ESN"),)


def ran(*steps: tuple[str, Verdict, str], error: str = "") -> RunResult:
    verdict = Verdict.ERROR if error else Verdict.worst(verdict for _, verdict, _ in steps)
    return RunResult(
        run_id="r",
        scenario=Scenario(id="c", title="c", path="c.yaml", sha256="0" * 64),
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        duration_seconds=1,
        verdict=verdict,
        error=error,
        steps=tuple(
            StepResult(id=verb, verb=verb, title=verb, verdict=one, message=message) for verb, one, message in steps
        ),
        topology=TopologyPicture(),
    )


PASSED, FAILED, ERROR = Verdict.PASSED, Verdict.FAILED, Verdict.ERROR
CASES = {
    "passed": (ran(("ping", PASSED, "")), Outcome.PASSED, "1 step passed"),
    "negative": (ran(("ipsec.refused", PASSED, "a: MAC mismatched")), Outcome.PASSED, "a: MAC mismatched"),
    "failed": (ran(("ping", PASSED, ""), ("wire", FAILED, "clear")), Outcome.FAILED, "wire: clear"),
    "error in a step": (ran(("ping", ERROR, "no ping")), Outcome.ERROR, "ping: no ping"),
    "error of the run": (ran(("ping", FAILED, "x"), error="no lab"), Outcome.ERROR, "no lab"),
    "refused by a product": (
        ran(("service.active", FAILED, "site-a: /vnf/apply refused (exit 2): no ESN")),
        Outcome.UNSUPPORTED,
        "site-a: /vnf/apply refused (exit 2): no ESN",
    ),
    "nothing judged": (ran(("ping", Verdict.SKIPPED, "no kernel ESP")), Outcome.UNSUPPORTED, "ping: no kernel ESP"),
}


@pytest.mark.parametrize("case", CASES)
def test_outcomes(case: str) -> None:
    result, outcome, message = CASES[case]
    assert outcome_of(result) == (outcome, message)


@pytest.mark.parametrize(
    ("outcome", "place", "becomes"),
    [
        (Outcome.FAILED, {"pair": "x-y", "option": "esn"}, Outcome.DEVIATION),
        (Outcome.FAILED, {"pair": "y-x", "option": "esn"}, Outcome.FAILED),
        (Outcome.FAILED, {"pair": "x-y", "option": "psk"}, Outcome.FAILED),
        (Outcome.ERROR, {"pair": "x-y", "option": "esn"}, Outcome.ERROR),
        (Outcome.PASSED, {"pair": "x-y", "option": "esn"}, Outcome.PASSED),
    ],
)
def test_only_failures_are_declared_deviations(outcome: Outcome, place: dict[str, str], becomes: Outcome) -> None:
    found, message = judged(outcome, "no proposal", place, KNOWN)
    assert found is becomes
    assert message == ("x has no ESN: no proposal" if becomes is Outcome.DEVIATION else "no proposal")
