"""``traffic.udp``: UDP loss and jitter between two LAN hosts through both chains."""

from __future__ import annotations

from pydantic import Field

from reports.model import Series
from scenarios.context import Context
from scenarios.proof import Proof
from scenarios.verbs import Host, Verb
from testbed import traffic


class TrafficUdp(Verb, name="traffic.udp"):
    """Prove that a UDP stream of a rate arrives: loss and jitter (RFC 3550) within bounds, measured by iperf3.

    *Expected results*: the receiver's rate is at least the sent rate less the loss bound; loss and jitter keep their bounds.

    *Example*: ``{verb: traffic.udp, with: {from: a1, to: b1, rate_mbit: 10, loss_percent_at_most: 1}}``
    """

    from_: Host = Field(alias="from")
    to: Host
    seconds: int = Field(default=5, ge=1, le=3600)
    rate_mbit: float = Field(default=10, gt=0)
    length: int = Field(default=1200, ge=16, le=1372, description="UDP payload in bytes")
    port: int = Field(default=5201, ge=1, le=65535, description="a port that the service's flows allow")
    loss_percent_at_most: float = Field(default=0, ge=0, le=100)
    jitter_ms_at_most: float | None = Field(default=None, gt=0)

    def prove(self, context: Context, proof: Proof) -> str:
        source, target = context.host(self.from_), context.host(self.to)
        result = traffic.iperf3(
            source.namespace,
            target.namespace,
            target.ip,
            protocol="udp",
            seconds=self.seconds,
            bitrate=int(self.rate_mbit * 1e6),
            length=self.length,
            port=self.port,
        )
        proof.add_json("iperf3.json", "what iperf3 measured", result.raw)
        times, rates = zip(*((i.end_seconds, i.bits_per_second / 1e6) for i in result.intervals), strict=True)
        proof.series.append(Series(name=f"UDP {self.from_} to {self.to}", unit="Mbit/s", x_seconds=times, y=rates))
        lost, jitter = result.lost_percent, result.jitter_ms
        bound = f"≤ {self.loss_percent_at_most:g} %"
        holds = lost is not None and lost <= self.loss_percent_at_most
        proof.check("lost datagrams", holds, expected=bound, measured=f"{lost} %")
        if self.jitter_ms_at_most is not None:
            bound = f"≤ {self.jitter_ms_at_most:g} ms"
            holds = jitter is not None and jitter <= self.jitter_ms_at_most
            proof.check("jitter", holds, expected=bound, measured=f"{jitter} ms")
        return f"{result.bits_per_second / 1e6:.1f} Mbit/s arrived, {lost:.2g} % lost, jitter {jitter:.2g} ms"

    def live_command(self, context: Context) -> str:
        rate = f"{self.rate_mbit:g}M"
        return f"lso exec {context.lab.id} {self.from_} -- iperf3 -u -b {rate} -p {self.port} -c {context.host(self.to).ip}"
