"""One iperf3 run between two LAN hosts, shared by the traffic verbs; a path that carries nothing is a finding."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, ClassVar

from pydantic import Field

from reports.model import Check, Series
from scenarios.steps.checks import Judgement, check, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence
from scenarios.steps.recorder import Recorder
from scenarios.steps.verb import PathVerb
from testbed.errors import ProbeError
from testbed.traffic import NoTraffic, TrafficResult, iperf3, received_bytes
from testbed.traffic.result import Protocol, parse_iperf3

MEASURED_NAME = "iperf3.json"


class IperfEnd(Evidence):
    """What one end of an iperf3 run said itself: its test's *cookie*, its *streams* as "client > server", the *bytes*.

    *bytes* are those that the server received, by its own count, or as the client was told.
    """

    cookie: str
    streams: tuple[str, ...]
    bytes: int


class Measured(Evidence):
    """What iperf3's receiver saw: *sent*, *packets*, *lost*, *lost_percent*, *jitter_ms* of UDP, *retransmits* of TCP.

    *sent* counts the sender's datagrams, *packets* those that the receiver knows of, *lost_packets* those it misses.
    *client* is what the client says, *server* what the process says that was started at the far host, *link_bytes* what
    the far host's own interface received meanwhile.
    """

    bits_per_second: float
    sent: int | None = None
    packets: int | None = None
    lost_packets: int | None = None
    lost_percent: float | None = None
    jitter_ms: float | None = None
    retransmits: int | None = None
    client: IperfEnd
    server: IperfEnd
    link_bytes: int


class Carried(Evidence):
    """What came of data that were drawn: how many *octets* arrived, and their SHA-256 *digest*."""

    octets: int
    digest: str

    @classmethod
    def of(cls, data: bytes) -> Carried:
        """Return what is to be seen of *data*."""
        return cls(octets=len(data), digest=sha256(data).hexdigest())

    def __str__(self) -> str:
        return f"{self.octets:,} octets, SHA-256 {self.digest[:16]}"


class Content(Evidence):
    """A connection to *port* whose data, *octets* each way, were drawn from *seed*: what came *there* and *back*.

    *trouble* is what ended it early, if anything.
    """

    port: int
    seed: int
    octets: int
    there: Carried
    back: Carried
    trouble: str = ""


class Datagrams(Evidence):
    """*count* datagrams to *port* and as many back, *octets* each, drawn from *seed*: what came *there* and *back*.

    Of each one the first half of its SHA-256 in hexadecimal. *trouble* is what ended it early, if anything.
    """

    port: int
    seed: int
    octets: int
    count: int
    there: tuple[str, ...]
    back: tuple[str, ...]
    trouble: str = ""


class TrafficEvidence(Evidence):
    """What was *measured*, None when the path carried nothing, for the *reason* that iperf3 gave.

    *content* and *datagrams* are None where no such data were compared.
    """

    measured: Measured | None = None
    reason: str = ""
    content: Content | None = None
    datagrams: Datagrams | None = None


class TrafficVerb(PathVerb):
    """Parameters of both traffic verbs."""

    protocol: ClassVar[Protocol]

    seconds: int = Field(default=5, ge=1, le=3600, description="how long iperf3 sends")
    port: int = Field(default=5201, ge=1, le=65535, description="a TCP (and UDP) port that the service's flows allow")

    def load(self) -> dict[str, Any]:
        """Return what ``testbed.traffic.iperf3`` is to send, as its arguments."""
        raise TypeError(f"{type(self).__name__} is a base, not a verb")

    def judge_measured(self, measured: Measured) -> Judgement:
        """Return the checks of traffic that flowed."""
        raise TypeError(f"{type(self).__name__} is a base, not a verb")

    def compared(self, context: Context, evidence: TrafficEvidence) -> TrafficEvidence:
        """Return *evidence* with data that were sent beside what was measured, and what became of them."""
        raise TypeError(f"{type(self).__name__} is a base, not a verb")

    def content_checks(self, evidence: TrafficEvidence) -> Iterator[Check]:
        """Yield the checks that data arrived as they were sent, none where none were sent."""
        raise TypeError(f"{type(self).__name__} is a base, not a verb")

    def bound(self) -> float | None:
        """Return the rate in Mbit/s that the report draws as the least that is wanted, None without one."""
        return None

    def observe(self, context: Context, recorder: Recorder) -> TrafficEvidence:
        source, target = context.host(self.from_), context.host(self.to)
        load = {"seconds": self.seconds, "port": self.port, "lab": context.lab.id, **self.load()}
        before = received_bytes(target.namespace, target.interface)
        try:
            result = iperf3(source.namespace, target.namespace, target.ip, **load)
        except NoTraffic as nothing:
            return TrafficEvidence(reason=str(nothing))
        recorder.json(MEASURED_NAME, "what iperf3 measured", result.raw)
        link_bytes = received_bytes(target.namespace, target.interface) - before
        evidence = TrafficEvidence(measured=_measured(result, link_bytes))
        if any(one.verdict.is_bad for one in self.judge(evidence).checks):  # on such a path more would last
            return evidence
        return self.compared(context, evidence)

    def judge(self, evidence: TrafficEvidence) -> Judgement:
        if evidence.measured:
            judged = self.judge_measured(evidence.measured)
            checks = [*judged.checks, *self._who_served(evidence.measured)]
            compared = [*self.content_checks(evidence)]
            if not compared and not any(one.verdict.is_bad for one in checks):
                return Judgement(checks, error=ProbeError("nobody compared the data that arrive with those sent"))
            return Judgement([*checks, *compared], judged.summary)
        told = evidence.reason
        return Judgement(
            [check("traffic flows", False, expected="a connection that lasts", measured=told, message=told)]
        )

    def _who_served(self, measured: Measured) -> Iterator[Check]:
        """Yield the checks that the server at the far host is the one that the client measured with."""
        client, server = measured.client, measured.server
        same = bool(client.cookie) and client.cookie == server.cookie
        name, told = f"test that the server at {self.to} took", server.cookie or "none"
        yield check(name, same, expected=client.cookie, measured=told)
        yield equal(f"streams as the server at {self.to} knows them", server.streams, client.streams)
        yield equal(f"bytes that the client was told the server at {self.to} received", client.bytes, server.bytes)
        name, holds = f"bytes at the interface of {self.to}", measured.link_bytes >= server.bytes
        yield check(name, holds, expected=f"≥ {server.bytes}", measured=measured.link_bytes)

    def series(self, evidence: Path) -> list[Series]:
        """Return the rate over time, where traffic flowed."""
        file = evidence / MEASURED_NAME
        if not file.exists():
            return []
        raw = json.loads(file.read_bytes())
        result = parse_iperf3(raw["client"], raw["server"], self.protocol)
        name = f"{result.protocol.upper()} {self.from_} to {self.to}"
        times = tuple(interval.end for interval in result.intervals)
        rates = tuple(interval.bits_per_second / 1e6 for interval in result.intervals)
        return [Series(name=name, unit="Mbit/s", x_seconds=times, y=rates, lower_bound=self.bound())]


def drawn_data(seed: int, octets: int) -> tuple[bytes, bytes]:
    """Return the data that are sent there, and those that are sent back."""
    rng = Random(f"{seed} data")  # noqa: S311  (it must be possible to draw the same again)
    return rng.randbytes(octets), rng.randbytes(octets)


def _measured(result: TrafficResult, link_bytes: int) -> Measured:
    client, server = result.raw["client"], result.raw["server"]
    return Measured(
        bits_per_second=result.bits_per_second,
        sent=int(client["end"]["sum_sent"]["packets"]) if result.protocol == "udp" else None,
        packets=result.packets,
        lost_packets=result.lost_packets,
        lost_percent=result.lost_percent,
        jitter_ms=result.jitter_ms,
        retransmits=result.retransmits,
        client=_end(client, ("local", "remote")),
        server=_end(server, ("remote", "local")),
        link_bytes=link_bytes,
    )


def _end(report: Mapping[str, Any], sides: tuple[str, str]) -> IperfEnd:
    """Return one end's own word; *sides* are what it calls the client's side and the server's."""
    start = report["start"]
    ends = ([f"{one[f'{side}_host']}:{one[f'{side}_port']}" for side in sides] for one in start["connected"])
    streams = tuple(sorted(" > ".join(pair) for pair in ends))
    return IperfEnd(cookie=start.get("cookie", ""), streams=streams, bytes=report["end"]["sum_received"]["bytes"])
