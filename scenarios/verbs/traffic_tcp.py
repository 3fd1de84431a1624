"""``traffic.tcp``: TCP throughput between two LAN hosts through both chains."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from reports.text import count_text
from scenarios.network.traffic import OCTETS, Measured, TrafficEvidence, TrafficVerb
from scenarios.steps.checks import Judgement, check
from scenarios.steps.context import Context
from scenarios.steps.recorder import Recorder

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

    parallel: int = Field(default=1, ge=1, le=64)
    protocol = "tcp"
    at_least_mbit: float = Field(default=1, gt=0)

    def load(self) -> dict[str, Any]:
        return {"parallel": self.parallel}

    def bound(self) -> float:
        return self.at_least_mbit

    def observe(self, context: Context, recorder: Recorder) -> TrafficEvidence:
        evidence = super().observe(context, recorder)
        if self.judge(evidence).verdict.is_bad:  # a path that is wrong already may make this last
            return evidence
        seconds = TRANSFER_SECONDS + 4 * OCTETS * 8 / (self.at_least_mbit * 1e6)
        return evidence.model_copy(update={"content": self.compared(context, seconds)})

    def judge_measured(self, measured: Measured) -> Judgement:
        rate = measured.bits_per_second / 1e6
        expected, holds = f"≥ {self.at_least_mbit:g} Mbit/s", rate >= self.at_least_mbit
        checks = [check("throughput at the receiver", holds, expected=expected, measured=f"{rate:.1f} Mbit/s")]
        again = measured.retransmits
        told = "" if again is None else f", {count_text(again, 'retransmitted segment')}"
        return Judgement(checks, f"{rate:.0f} Mbit/s over {self.seconds} s{told}")

    def live_command(self, context: Context) -> str:
        return f"lso exec {context.lab.id} {self.from_} -- iperf3 -p {self.port} -c {context.host(self.to).ip}"
