"""Datagrams whose data are known at both ends: which of them may be missing, and that none may be another."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.model import Verdict
from scenarios.network.traffic import Datagrams
from scenarios.steps.observation import FILE_NAME, read
from scenarios.verbs import REGISTRY
from scenarios.verbs.traffic_udp import TrafficUdp

CASE = Path(__file__).parents[1] / "evidence" / "traffic.udp" / "passed" / FILE_NAME
KEPT, CHANGED, AGAIN = "that came as they were sent", "that were changed", "that came again"
OTHER = "0" * 32


@pytest.mark.parametrize(
    ("kept", "more", "loss", "failed"),
    [
        (slice(None), (), 0, []),
        (slice(None, None, -1), (), 0, []),  # UDP keeps no order
        (slice(16, None), (), 0, []),  # what is lost is judged by the whole measurement
        (slice(17, None), (), 0, [KEPT]),
        (slice(20, None), (), 50, []),
        (slice(0), (), 100, [KEPT]),
        (slice(1, None), (OTHER,), 0, [CHANGED]),
        (slice(None), (OTHER,), 0, [CHANGED]),
        (slice(1, None), (7,), 0, [AGAIN]),  # one dropped, another one doubled
        (slice(0), (OTHER,) * 32, 0, [KEPT, CHANGED, AGAIN]),
    ],
)
@pytest.mark.parametrize("way", ["there", "back"])
def test_datagrams(way: str, kept: slice, more: tuple[str | int, ...], loss: float, failed: list[str]) -> None:
    verb, observation = read(CASE, REGISTRY)
    assert isinstance(verb, TrafficUdp)
    verb, found = verb.model_copy(update={"loss_percent_at_most": loss}), observation.evidence.datagrams  # type: ignore[union-attr]
    assert isinstance(found, Datagrams)
    sent = getattr(found, way)
    came = (*sent[kept], *(sent[one] if isinstance(one, int) else one for one in more))
    evidence = observation.evidence.model_copy(update={"datagrams": found.model_copy(update={way: came})})  # type: ignore[union-attr]
    checks = [one for one in verb.content_checks(evidence) if one.verdict is Verdict.FAILED]  # type: ignore[arg-type]
    ends = "a1 to b1" if way == "there" else "b1 to a1"
    assert [one.name for one in checks] == [f"datagrams from {ends} over port {found.port} {name}" for name in failed]
