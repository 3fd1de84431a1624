"""One iperf3 run between two LAN hosts, shared by the traffic verbs; a path that carries nothing is a finding."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from reports.model import Series
from scenarios.context import Context
from scenarios.proof import Proof
from scenarios.verb import Host, Verb
from testbed.traffic import NoTraffic, TrafficResult, iperf3


class TrafficVerb(Verb):
    """Parameters of both traffic verbs."""

    from_: Host = Field(alias="from")
    to: Host
    seconds: int = Field(default=5, ge=1, le=3600)
    port: int = Field(default=5201, ge=1, le=65535, description="a TCP (and UDP) port that the service's flows allow")

    def measure(self, context: Context, proof: Proof, bound: float | None, **load: Any) -> TrafficResult | None:
        """Run iperf3 and keep what it printed; None, with a failed check, when the path carried nothing."""
        source, target = context.host(self.from_), context.host(self.to)
        load |= {"seconds": self.seconds, "port": self.port, "lab": context.lab.id}
        try:
            result = iperf3(source.namespace, target.namespace, target.ip, **load)
        except NoTraffic as nothing:
            proof.check(
                "traffic flows", False, expected="a connection that lasts", measured=str(nothing), message=str(nothing)
            )
            return None
        proof.add_json("iperf3.json", "what iperf3 measured", result.raw)
        name = f"{result.protocol.upper()} {self.from_} to {self.to}"
        times = tuple(interval.end for interval in result.intervals)
        rates = tuple(interval.bits_per_second / 1e6 for interval in result.intervals)
        proof.series.append(Series(name=name, unit="Mbit/s", x_seconds=times, y=rates, lower_bound=bound))
        return result
