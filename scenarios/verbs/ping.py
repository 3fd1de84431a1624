"""``ping``: ICMP echo between two LAN hosts through both chains."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from reports.model import Check
from scenarios.network import wire
from scenarios.network.conserved import ECHO_REPLY, ECHO_REQUEST, ICMP, ROUTERS, before, echoes, ipv4
from scenarios.steps.checks import Judgement, check, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence, File
from scenarios.steps.recorder import LOOK_SECONDS, Recorder
from scenarios.steps.verb import PathVerb
from testbed import traffic
from testbed.capture import captures, frames_so_far, read_frames
from testbed.esp import payload_of
from testbed.polling import poll

_LATE_SECONDS = 3.0
"""How late the last answers may be. A busy machine keeps a packet in user space for longer than a second at times."""

_PATTERN_BYTES = 16  # as many as ping takes; it repeats them to the end of its data


class PingEvidence(Evidence):
    """Echo requests *sent*; *mean_ms* is None when nothing came back, *output* is ping's.

    *near* and *far* are captures at the two hosts' interfaces, *source* and *target* these hosts' addresses.
    """

    sent: int
    mean_ms: float | None
    output: File
    source: IPv4Address
    target: IPv4Address
    near: wire.CaptureFile
    far: wire.CaptureFile


class Ping(PathVerb, name="ping"):
    """Prove that a host itself answers another: loss and mean round-trip time within bounds.

    *Expected results*: the share of lost echo requests and the mean round-trip time stay within the bounds that are
    given. Captures at both hosts' own interfaces hold each answer, and the request to it, as whole packets that differ
    by what two routers change alone (RFC 1812, 5.3.1), each once; the data are drawn by lot.

    *Fails when* the path, a firewall or a tunnel does not carry ICMP echo, delay and loss leave their bounds, or
    something else answers for the host.

    *Example*: ``{verb: ping, with: {from: a1, to: b1, count: 10, rtt_ms_at_most: 50}}``
    """

    count: int = Field(default=5, ge=1, le=10_000, description="echo requests")
    interval_seconds: float = Field(default=0.02, ge=0.002, description="time from one to the next")
    size: int = Field(default=56, ge=16, le=1372, description="ICMP payload in bytes")
    loss_percent_at_most: float = Field(default=0, ge=0, le=100, description="requests without an answer")
    loss_percent_at_least: float = Field(default=0, ge=0, le=100, description="for an underlay that loses")
    rtt_ms_at_most: float | None = Field(default=None, gt=0, description="mean round-trip time; default: any")
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
        near, far = (wire.host_point(context, recorder, name, direction="inout") for name in (self.from_, self.to))
        with captures([near.capture, far.capture]):
            result = traffic.ping(
                source.namespace,
                target.ip,
                count=self.count,
                interval=self.interval_seconds,
                size=self.size,
                wait=_LATE_SECONDS,
                pattern=secrets.token_bytes(_PATTERN_BYTES),
            )
            if result.received:  # then it has waited for the others no longer than two round trips
                back = IPv4Address(target.ip).packed + IPv4Address(source.ip).packed
                poll(lambda: _answers_so_far(near.capture.path, back) >= result.sent, _LATE_SECONDS, LOOK_SECONDS)
        for point in (near, far):
            recorder.file(point.capture.path, f"capture at {point.name}", wire.PCAP)
        return PingEvidence(
            sent=result.sent,
            mean_ms=result.rtt_avg_ms,
            output=recorder.text("ping.txt", "what ping printed", result.output),
            source=IPv4Address(source.ip),
            target=IPv4Address(target.ip),
            near=near.result,
            far=far.result,
        )

    def judge(self, evidence: PingEvidence) -> Judgement:
        forth = evidence.source.packed + evidence.target.packed
        back = evidence.target.packed + evidence.source.packed
        near, far = (
            [packet for packet in ipv4(read_frames(end.file)) if packet[9] == ICMP]
            for end in (evidence.near, evidence.far)
        )
        sent, arrived = Counter(map(before, echoes(near, forth, ECHO_REQUEST))), _crossed(far, forth, ECHO_REQUEST)
        answered, answers = Counter(map(before, echoes(far, back, ECHO_REPLY))), _crossed(near, back, ECHO_REPLY)
        received = len({_echo(packet) for packet in sent} & {_echo(packet) for packet in answers})
        lost = 100 * (evidence.sent - received) / evidence.sent if evidence.sent else 100
        bounds = f"{self.loss_percent_at_least:g} to {self.loss_percent_at_most:g} %"
        within = self.loss_percent_at_least <= lost <= self.loss_percent_at_most
        checks = [
            check(f"{self.from_} to {self.to}: lost", within, expected=bounds, measured=f"{lost:g} %"),
            *self._round_trip(evidence.mean_ms),
        ]

        foreign = arrived - sent, answers - answered
        checks += [
            equal(f"echo requests at {self.to} that are not those of {self.from_}", foreign[0].total(), 0),
            equal(f"answers at {self.from_} that are not those of {self.to}", foreign[1].total(), 0),
        ]
        requests = {_echo(packet) for packet in arrived}
        own = sum(count for packet, count in (answers & answered).items() if _echo(packet) in requests)
        name = f"answers that {self.to} itself gave to what it was asked"
        checks.append(check(name, own >= received, expected=f"≥ {received}", measured=own))
        return Judgement(checks, f"{received} of {evidence.sent} answered, mean round trip {evidence.mean_ms} ms")

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


def _answers_so_far(path: Path, addresses: bytes) -> int:
    """Return how many echo replies between *addresses* a running capture has written to *path* by now."""
    return len(echoes(ipv4(frames_so_far(path)), addresses, ECHO_REPLY))


def _crossed(packets: Sequence[bytes], addresses: bytes, kind: int) -> Counter[bytes]:
    """Return the echo messages that have crossed both gateways, as they were before, with how often each was seen."""
    return Counter(before(packet, ROUTERS) for packet in echoes(packets, addresses, kind))


def _echo(packet: bytes) -> bytes:
    """Return identifier, sequence number and data of an ICMP echo, which an answer repeats (RFC 792)."""
    return payload_of(packet)[4:]
