"""``traffic.udp``: UDP loss and jitter between two LAN hosts through both chains."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from reports.model import Check
from scenarios.network.traffic import Measured, TrafficVerb
from scenarios.steps.checks import Judgement, check
from scenarios.steps.context import Context

UNDER_WAY_SECONDS = 0.1  # iperf3's receiver stops counting when the sender says that it has ended


class TrafficUdp(TrafficVerb, name="traffic.udp"):
    """Prove that a UDP stream of a rate arrives: loss and jitter (RFC 3550) within bounds, measured by iperf3.

    *Expected results*: loss and jitter at the receiver keep their bounds over the whole time; of the datagrams sent,
    no more than that loss and those of the last tenth of a second are missing. The server at the far host took the
    client's own test: the same cookie, streams and bytes, which its interface received.

    *Fails when* nothing arrives any more, datagrams are lost or delayed unevenly beyond the bounds, or another server
    answers for the host.

    *Example*: ``{verb: traffic.udp, with: {from: a1, to: b1, rate_mbit: 10, loss_percent_at_most: 1}}``
    """

    protocol = "udp"
    rate_mbit: float = Field(default=10, gt=0)
    length: int = Field(default=1200, ge=16, le=1372, description="UDP payload in bytes")
    loss_percent_at_most: float = Field(default=0, ge=0, le=100)
    jitter_ms_at_most: float | None = Field(default=None, gt=0)

    def load(self) -> dict[str, Any]:
        return {"protocol": self.protocol, "bitrate": self.rate_mbit * 1e6, "length": self.length}

    def judge_measured(self, measured: Measured) -> Judgement:
        lost, jitter = measured.lost_percent, measured.jitter_ms
        bound = f"≤ {self.loss_percent_at_most:g} %"
        checks = [
            self._arrivals(measured),
            check("lost datagrams", _within(lost, self.loss_percent_at_most), expected=bound, measured=f"{lost} %"),
        ]
        if (most := self.jitter_ms_at_most) is not None:
            checks.append(check("jitter", _within(jitter, most), expected=f"≤ {most:g} ms", measured=f"{jitter} ms"))
        rate = measured.bits_per_second / 1e6
        return Judgement(checks, f"{rate:.1f} Mbit/s arrived, {lost or 0:.2g} % lost, jitter {jitter or 0:.2g} ms")

    def _arrivals(self, measured: Measured) -> Check:
        """Check what arrived against what was sent: the receiver misses nothing that follows its last datagram."""
        sent = measured.sent or 0
        arrived = (measured.packets or 0) - (measured.lost_packets or 0)
        under_way = sent / self.seconds * UNDER_WAY_SECONDS
        least = max(1, int(sent * (1 - self.loss_percent_at_most / 100) - under_way))
        expected, told = f"≥ {least} of {sent}", f"{arrived} of {sent}"
        return check("datagrams that arrived", arrived >= least, expected=expected, measured=told)

    def live_command(self, context: Context) -> str:
        client = f"iperf3 -u -b {self.rate_mbit:g}M -p {self.port} -c {context.host(self.to).ip}"
        return f"lso exec {context.lab.id} {self.from_} -- {client}"


def _within(measured: float | None, bound: float) -> bool:
    return measured is not None and measured <= bound
