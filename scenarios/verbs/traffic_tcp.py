"""``traffic.tcp``: TCP throughput between two LAN hosts through both chains."""

from __future__ import annotations

from pydantic import Field

from reports.model import Series
from scenarios.context import Context
from scenarios.proof import Proof
from scenarios.verbs import Host, Verb
from testbed import traffic


class TrafficTcp(Verb, name="traffic.tcp"):
    """Prove that TCP reaches a throughput, measured by iperf3 at the receiver.

    *Expected results*: the mean throughput at the receiver over the whole time is at least the bound.

    *Example*: ``{verb: traffic.tcp, with: {from: a1, to: b1, seconds: 5, at_least_mbit: 100}}``
    """

    from_: Host = Field(alias="from")
    to: Host
    seconds: int = Field(default=5, ge=1, le=3600)
    parallel: int = Field(default=1, ge=1, le=64)
    port: int = Field(default=5201, ge=1, le=65535, description="a port that the service's flows allow")
    at_least_mbit: float = Field(default=1, gt=0)

    def prove(self, context: Context, proof: Proof) -> str:
        source, target = context.host(self.from_), context.host(self.to)
        result = traffic.iperf3(
            source.namespace, target.namespace, target.ip, seconds=self.seconds, parallel=self.parallel, port=self.port
        )
        proof.add_json("iperf3.json", "what iperf3 measured", result.raw)
        measured = result.bits_per_second / 1e6
        times, rates = zip(*((i.end_seconds, i.bits_per_second / 1e6) for i in result.intervals), strict=True)
        name = f"TCP {self.from_} to {self.to}"
        proof.series.append(Series(name=name, unit="Mbit/s", x_seconds=times, y=rates, lower_bound=self.at_least_mbit))
        proof.check(
            "throughput at the receiver",
            measured >= self.at_least_mbit,
            expected=f"≥ {self.at_least_mbit:g} Mbit/s",
            measured=f"{measured:.1f} Mbit/s",
        )
        return f"{measured:.0f} Mbit/s over {self.seconds} s, {result.retransmits} retransmitted segments"

    def live_command(self, context: Context) -> str:
        return f"lso exec {context.lab.id} {self.from_} -- iperf3 -p {self.port} -c {context.host(self.to).ip}"
