"""``ping``: ICMP echo between two LAN hosts through both chains."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from pydantic import Field, model_validator

from reports.model import Check
from scenarios.steps.checks import Judgement, check
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence, File
from scenarios.steps.recorder import Recorder
from scenarios.steps.verb import PathVerb
from testbed import traffic

_LATE_SECONDS = 3.0
"""How late the last answers may be. A busy machine keeps a packet in user space for longer than a second at times."""


class PingEvidence(Evidence):
    """Echo requests *sent* and answers *received*; *mean_ms* is None when nothing came back, *output* is ping's."""

    sent: int
    received: int
    lost_percent: float
    mean_ms: float | None
    output: File


class Ping(PathVerb, name="ping"):
    """Prove that a host answers another: loss and mean round-trip time within bounds.

    *Expected results*: the share of lost echo requests and the mean round-trip time stay within the bounds that are
    given.

    *Fails when* the path, a firewall or a tunnel does not carry ICMP echo, or delay and loss leave their bounds.

    *Example*: ``{verb: ping, with: {from: a1, to: b1, count: 10, rtt_ms_at_most: 50}}``
    """

    count: int = Field(default=5, ge=1, le=10_000)
    interval_seconds: float = Field(default=0.05, ge=0.002)
    size: int = Field(default=56, ge=16, le=1372, description="ICMP payload in bytes")
    loss_percent_at_most: float = Field(default=0, ge=0, le=100)
    loss_percent_at_least: float = Field(default=0, ge=0, le=100)
    rtt_ms_at_most: float | None = Field(default=None, gt=0)
    rtt_ms_at_least: float | None = Field(
        default=None, gt=0, description="2 ms below the underlay's delays: `wirefilter` may be 1 ms early each way"
    )

    @model_validator(mode="after")
    def _bounds_can_be_kept(self) -> Self:
        if self.loss_percent_at_least > self.loss_percent_at_most:
            raise ValueError("loss_percent_at_least is above loss_percent_at_most")
        if self.rtt_ms_at_least and self.rtt_ms_at_most and self.rtt_ms_at_least > self.rtt_ms_at_most:
            raise ValueError("rtt_ms_at_least is above rtt_ms_at_most")
        return self

    def observe(self, context: Context, recorder: Recorder) -> PingEvidence:
        source, target = context.host(self.from_), context.host(self.to)
        result = traffic.ping(
            source.namespace,
            target.ip,
            count=self.count,
            interval=self.interval_seconds,
            size=self.size,
            wait=_LATE_SECONDS,
        )
        return PingEvidence(
            sent=result.sent,
            received=result.received,
            lost_percent=result.lost_percent,
            mean_ms=result.rtt_avg_ms,
            output=recorder.text("ping.txt", "what ping printed", result.output),
        )

    def judge(self, evidence: PingEvidence) -> Judgement:
        lost, mean = evidence.lost_percent, evidence.mean_ms
        bounds = f"{self.loss_percent_at_least:g} to {self.loss_percent_at_most:g} %"
        within = self.loss_percent_at_least <= lost <= self.loss_percent_at_most
        name = f"{self.from_} to {self.to}: lost"
        checks = [check(name, within, expected=bounds, measured=f"{lost:g} %"), *self._round_trip(mean)]
        answered = f"{evidence.received} of {evidence.sent} answered"
        return Judgement(checks, f"{answered}, mean round trip {mean} ms")

    def _round_trip(self, mean: float | None) -> Iterator[Check]:
        name, measured = f"{self.from_} to {self.to}: mean round trip", f"{mean} ms"
        if (most := self.rtt_ms_at_most) is not None:
            holds = mean is not None and mean <= most
            yield check(name, holds, expected=f"≤ {most:g} ms", measured=measured)
        if (least := self.rtt_ms_at_least) is not None:
            holds = mean is not None and mean >= least
            yield check(name, holds, expected=f"≥ {least:g} ms", measured=measured)

    def live_command(self, context: Context) -> str:
        return f"lso exec {context.lab.id} {self.from_} -- ping -c {self.count} {context.host(self.to).ip}"
