"""One iperf3 run between two LAN hosts, shared by the traffic verbs; a path that carries nothing is a finding."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from reports.model import Series
from scenarios.steps.checks import Judgement, check
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence
from scenarios.steps.recorder import Recorder
from scenarios.steps.verb import PathVerb
from testbed.traffic import NoTraffic, TrafficResult, iperf3


class Measured(Evidence):
    """What iperf3's receiver saw: *sent*, *packets*, *lost*, *lost_percent*, *jitter_ms* of UDP, *retransmits* of TCP.

    *sent* counts the sender's datagrams, *packets* those that the receiver knows of, *lost_packets* those it misses.
    """

    bits_per_second: float
    sent: int | None = None
    packets: int | None = None
    lost_packets: int | None = None
    lost_percent: float | None = None
    jitter_ms: float | None = None
    retransmits: int | None = None


class TrafficEvidence(Evidence):
    """What was *measured*, None when the path carried nothing, for the *reason* that iperf3 gave."""

    measured: Measured | None = None
    reason: str = ""


class TrafficVerb(PathVerb):
    """Parameters of both traffic verbs."""

    seconds: int = Field(default=5, ge=1, le=3600)
    port: int = Field(default=5201, ge=1, le=65535, description="a TCP (and UDP) port that the service's flows allow")

    def load(self) -> dict[str, Any]:
        """Return what ``testbed.traffic.iperf3`` is to send, as its arguments."""
        raise TypeError(f"{type(self).__name__} is a base, not a verb")

    def judge_measured(self, measured: Measured) -> Judgement:
        """Return the checks of traffic that flowed."""
        raise TypeError(f"{type(self).__name__} is a base, not a verb")

    def bound(self) -> float | None:
        """Return the rate in Mbit/s that the report draws as the least that is wanted, None without one."""
        return None

    def observe(self, context: Context, recorder: Recorder) -> TrafficEvidence:
        source, target = context.host(self.from_), context.host(self.to)
        load = {"seconds": self.seconds, "port": self.port, "lab": context.lab.id, **self.load()}
        try:
            result = iperf3(source.namespace, target.namespace, target.ip, **load)
        except NoTraffic as nothing:
            return TrafficEvidence(reason=str(nothing))
        recorder.json("iperf3.json", "what iperf3 measured", result.raw)
        recorder.series.append(self._series(result))
        return TrafficEvidence(measured=_measured(result))

    def judge(self, evidence: TrafficEvidence) -> Judgement:
        if evidence.measured:
            return self.judge_measured(evidence.measured)
        told = evidence.reason
        return Judgement(
            [check("traffic flows", False, expected="a connection that lasts", measured=told, message=told)]
        )

    def _series(self, result: TrafficResult) -> Series:
        name = f"{result.protocol.upper()} {self.from_} to {self.to}"
        times = tuple(interval.end for interval in result.intervals)
        rates = tuple(interval.bits_per_second / 1e6 for interval in result.intervals)
        return Series(name=name, unit="Mbit/s", x_seconds=times, y=rates, lower_bound=self.bound())


def _measured(result: TrafficResult) -> Measured:
    sent = result.raw["client"]["end"]["sum_sent"]
    return Measured(
        bits_per_second=result.bits_per_second,
        sent=int(sent["packets"]) if result.protocol == "udp" else None,
        packets=result.packets,
        lost_packets=result.lost_packets,
        lost_percent=result.lost_percent,
        jitter_ms=result.jitter_ms,
        retransmits=result.retransmits,
    )
