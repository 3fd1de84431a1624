"""``traffic.udp``: UDP loss and jitter between two LAN hosts through both chains."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from pydantic import Field

from reports.model import Check
from scenarios.network.drawn.allowed import ports
from scenarios.network.drawn.mixture import new_seed
from scenarios.network.traffic import Datagrams, Measured, TrafficEvidence, TrafficVerb, drawn_data
from scenarios.steps.checks import Judgement, check, equal
from scenarios.steps.context import Context
from testbed.traffic import exchange

DATAGRAMS = 32
EXCHANGE_SECONDS = 10.0
UNDER_WAY_SECONDS = 0.1  # iperf3's receiver stops counting when the sender says that it has ended


class TrafficUdp(TrafficVerb, name="traffic.udp"):
    """Prove that a UDP stream of a rate arrives: loss and jitter (RFC 3550) within bounds, measured by iperf3.

    *Expected results*: loss and jitter at the receiver keep their bounds over the whole time; of the datagrams sent,
    no more than that loss and those of the last tenth of a second are missing. The server at the far host took the
    client's own test: the same cookie, streams and bytes, which its interface received. Where all this holds, 32
    datagrams to the same port or another that the service allows, and 32 back, drawn from a seed, arrive as they were
    sent and no more than once; at least half as many as the bound allows.

    *Fails when* nothing arrives any more, datagrams are lost or delayed unevenly beyond the bounds, another server
    answers for the host, or a middle doubles datagrams, or changes their data and mends the checksum.

    *Example*: ``{verb: traffic.udp, with: {from: a1, to: b1, rate_mbit: 10, loss_percent_at_most: 1}}``
    """

    protocol = "udp"
    rate_mbit: float = Field(default=10, gt=0, description="Mbit/s of UDP payload that are sent")
    length: int = Field(default=1200, ge=16, le=1372, description="UDP payload in bytes")
    loss_percent_at_most: float = Field(default=0, ge=0, le=100, description="datagrams that do not arrive")
    jitter_ms_at_most: float | None = Field(default=None, gt=0, description="by RFC 3550; default: any")

    def load(self) -> dict[str, Any]:
        return {"protocol": self.protocol, "bitrate": self.rate_mbit * 1e6, "length": self.length}

    def compared(self, context: Context, evidence: TrafficEvidence) -> TrafficEvidence:
        seed = new_seed(None)
        there, back = _drawn(seed, self.length, DATAGRAMS)
        source, target = context.host(self.from_), context.host(self.to)
        port = secrets.choice([self.port, *ports(context.scenario, "udp")])
        done = exchange(
            source.namespace, target.namespace, (target.ip, port), there=there, back=back, deadline=EXCHANGE_SECONDS
        )
        datagrams = Datagrams(
            port=port,
            seed=seed,
            octets=self.length,
            count=DATAGRAMS,
            there=tuple(map(_digest, done.there)),
            back=tuple(map(_digest, done.back)),
            trouble=done.trouble,
        )
        return evidence.model_copy(update={"datagrams": datagrams})

    def content_checks(self, evidence: TrafficEvidence) -> Iterator[Check]:
        if not (found := evidence.datagrams):
            return
        least = max(1, int(found.count * (1 - self.loss_percent_at_most / 100) / 2))
        ways = (self.from_, self.to, found.there), (self.to, self.from_, found.back)
        for data, (source, target, came) in zip(_drawn(found.seed, found.octets, found.count), ways, strict=True):
            name = f"datagrams from {source} to {target} over port {found.port}"
            sent = set(map(_digest, data))
            same, trouble = len(sent & set(came)), found.trouble or "the others did not come"
            told = f"{name}, drawn from seed {found.seed}: {same} of {found.count} came as they were sent: {trouble}"
            expected = f"≥ {least} of {found.count}"
            yield check(
                f"{name} that came as they were sent", same >= least, expected=expected, measured=same, message=told
            )
            yield equal(f"{name} that were changed", len(set(came) - sent), 0)
            yield equal(f"{name} that came again", len(came) - len(set(came)), 0)

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


def _drawn(seed: int, octets: int, count: int) -> tuple[list[bytes], ...]:
    """Return the datagrams that are sent there, and those that are sent back."""
    ways = drawn_data(seed, octets * count)
    return tuple([data[at : at + octets] for at in range(0, octets * count, octets)] for data in ways)


def _digest(datagram: bytes) -> str:
    return sha256(datagram).hexdigest()[:32]


def _within(measured: float | None, bound: float) -> bool:
    return measured is not None and measured <= bound
