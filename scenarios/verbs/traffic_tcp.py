"""``traffic.tcp``: TCP throughput between two LAN hosts through both chains."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

from pydantic import Field

from reports.model import Check
from reports.text import count_text
from scenarios.network.drawn.allowed import ports
from scenarios.network.drawn.mixture import new_seed
from scenarios.network.traffic import Carried, Content, Measured, TrafficEvidence, TrafficVerb, drawn_data
from scenarios.steps.checks import Judgement, check
from scenarios.steps.context import Context
from testbed.traffic import transfer

OCTETS = 1 << 17
"""Of data that are compared, each way."""
TRANSFER_SECONDS = 20
"""How long a connection may take for its data beyond twice the time that they need at the least rate."""


class TrafficTcp(TrafficVerb, name="traffic.tcp"):
    """Prove that TCP reaches a throughput, measured by iperf3 at the receiver.

    *Expected results*: the mean throughput at the receiver over the whole time is at least the bound. The server at
    the far host took the client's own test: the same cookie, streams and bytes, which its interface received. Where all
    this holds, a connection to the same port or another that the service allows carries 128 KiB of data, drawn from a
    seed, each way, and both ends receive them as they were sent.

    *Fails when* the connection does not come up, stalls, or is slower than the bound (a wrong MTU shows here and
    not in a ping), another server answers for the host, or a middle changes data and mends their checksum.

    *Example*: ``{verb: traffic.tcp, with: {from: a1, to: b1, seconds: 5, at_least_mbit: 100}}``
    """

    parallel: int = Field(default=1, ge=1, le=64, description="TCP connections at the same time")
    protocol = "tcp"
    at_least_mbit: float = Field(default=1, gt=0, description="Mbit/s of TCP payload at the receiver")

    def load(self) -> dict[str, Any]:
        return {"parallel": self.parallel}

    def bound(self) -> float:
        return self.at_least_mbit

    def compared(self, context: Context, evidence: TrafficEvidence) -> TrafficEvidence:
        seconds = TRANSFER_SECONDS + 4 * OCTETS * 8 / (self.at_least_mbit * 1e6)
        seed = new_seed(None)
        there, back = drawn_data(seed, OCTETS)
        source, target = context.host(self.from_), context.host(self.to)
        port = secrets.choice([self.port, *ports(context.scenario, "tcp")])
        end = target.ip, port
        done = transfer(source.namespace, target.namespace, end, there=there, back=back, deadline=seconds)
        came = {"there": Carried.of(done.there), "back": Carried.of(done.back)}
        content = Content(port=port, seed=seed, octets=OCTETS, trouble=done.trouble, **came)
        return evidence.model_copy(update={"content": content})

    def content_checks(self, evidence: TrafficEvidence) -> Iterator[Check]:
        if not (content := evidence.content):
            return
        ways = (self.from_, self.to, content.there), (self.to, self.from_, content.back)
        for data, (source, target, came) in zip(drawn_data(content.seed, content.octets), ways, strict=True):
            name, sent = f"data from {source} to {target} over port {content.port}", Carried.of(data)
            told = f"{name}, drawn from seed {content.seed}: {came} came of {sent}"
            message = f"{told}: {content.trouble or 'somebody changed them'}"
            yield check(name, came == sent, expected=sent, measured=came, message=message)

    def judge_measured(self, measured: Measured) -> Judgement:
        rate = measured.bits_per_second / 1e6
        expected, holds = f"≥ {self.at_least_mbit:g} Mbit/s", rate >= self.at_least_mbit
        checks = [check("throughput at the receiver", holds, expected=expected, measured=f"{rate:.1f} Mbit/s")]
        again = measured.retransmits
        told = "" if again is None else f", {count_text(again, 'retransmitted segment')}"
        return Judgement(checks, f"{rate:.0f} Mbit/s over {self.seconds} s{told}")

    def live_command(self, context: Context) -> str:
        return f"lso exec {context.lab.id} {self.from_} -- iperf3 -p {self.port} -c {context.host(self.to).ip}"
