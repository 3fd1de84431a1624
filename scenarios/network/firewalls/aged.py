"""Connections that are opened and then left idle: whether what comes back passes before their end, and not after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from reports.model import Check
from scenarios.network.crafted import Way
from scenarios.network.firewall import Ports
from scenarios.network.marks import Packet, sightings
from scenarios.network.wire import CaptureFile
from scenarios.steps.checks import equal
from scenarios.steps.evidence import Evidence
from testbed.packets import Kind, probe

CONNECTIONS = 2
"""Of each kind, for each firewall, before the end and after it."""

MARGIN_SECONDS = 1.0
"""How long before and after their declared end connections are tried."""

SURE_SECONDS = 0.1
"""How near to its end a connection may be tried so that still no doubt is left whether it should pass."""

_MARK_OCTETS = 16


@dataclass(frozen=True)
class Opening:
    """How a connection gets to a state: when its packets go, in steps of time, whether there, and their TCP flags.

    *comes_back* are the flags of what comes back in the end.
    """

    protocol: Kind
    packets: tuple[tuple[int, bool, str], ...]
    comes_back: str = ""


OPENINGS: Mapping[str, Opening] = {
    "tcp_opening": Opening("tcp", ((0, True, "S"),), "SA"),
    "tcp_established": Opening("tcp", ((0, True, "S"), (1, False, "SA"), (2, True, "A")), "A"),
    "udp": Opening("udp", ((0, True, ""),)),
    # Linux takes it for a stream when it is older than two seconds.
    "udp_stream": Opening("udp", ((0, True, ""), (1, False, ""), (4, True, ""), (5, False, ""), (8, True, ""))),
}


class Idle(Evidence):
    """A connection of *kind*, *opened* by these packets; then nothing until *back* comes to the firewall of *site*.

    That is before the state ends or, if *late*, after it.
    """

    kind: str
    site: str
    late: bool
    opened: tuple[Packet, ...]
    back: Packet


class AgesEvidence(Evidence):
    """The connections that were tried, made from *seed*, and what was seen at the ports of both firewalls."""

    seed: int
    near: Ports
    far: Ports
    connections: tuple[Idle, ...]


def idle(rng: Random, kind: str, site: str, late: bool, ways: tuple[Way, Way, Way], ports: tuple[int, int]) -> Idle:
    """Return a connection between two *ports*; *ways* lead there, back, and back to the firewall of *site*."""
    opening, first = OPENINGS[kind], {there: rng.randrange(1 << 32) for there in (True, False)}
    outwards, backwards, to_firewall = ways

    def packet(there: bool, flags: str, way: Way, octets: int) -> Packet:
        frame = probe(
            opening.protocol,
            **way.arguments(),
            source_port=ports[not there],
            destination_port=ports[there],
            tcp_flags=flags,
            tcp_sequence=(first[there] + ("S" not in flags)) % (1 << 32),
            tcp_acknowledgement=(first[not there] + 1) % (1 << 32) if "A" in flags else 0,
            payload=rng.randbytes(octets),
            ttl=64 - way.routers,
        )
        return Packet(frames=(frame,), what=f"{opening.protocol.upper()} {flags}".strip())

    of_udp = _MARK_OCTETS if opening.protocol == "udp" else 0
    opened = [packet(there, flags, outwards if there else backwards, of_udp) for _, there, flags in opening.packets]
    octets = 0 if "S" in opening.comes_back else _MARK_OCTETS
    back = packet(False, opening.comes_back, to_firewall, octets)
    return Idle(kind=kind, site=site, late=late, opened=tuple(opened), back=back)


@dataclass(frozen=True)
class _Seen:
    """What became of a connection at a firewall: if all of it *came*, was *opened*, and *passed* at that *age*."""

    kind: str
    late: bool
    came: bool
    opened: bool
    passed: bool
    age: float

    def sure(self, seconds: int) -> bool:
        """Tell whether there is no doubt that what came back should pass, or that it should not."""
        return self.age >= seconds + SURE_SECONDS if self.late else self.age <= seconds - SURE_SECONDS


def checks(evidence: AgesEvidence, declared: Mapping[str, int]) -> tuple[list[Check], int]:
    """Return the checks that states end when it is *declared*, and how many were tried too near to their end."""
    made, unsure = list[Check](), 0
    for ports, entrance, behind in (
        (evidence.near, evidence.near.wan, evidence.near.lan),
        (evidence.far, evidence.far.lan, evidence.far.wan),
    ):
        connections = [one for one in evidence.connections if one.site == ports.site]
        seen = [*_seen(connections, entrance, behind)]
        for kind, seconds in declared.items():
            tried = [one for one in seen if one.kind == kind]
            opened = [one for one in tried if one.opened]
            sure = [one for one in opened if one.sure(seconds)]
            unsure += len(opened) - len(sure)
            made += _checks(ports, kind, seconds, tried, sure)
    return made, unsure


def _seen(connections: Sequence[Idle], entrance: CaptureFile, behind: CaptureFile) -> Iterator[_Seen]:
    """Yield what became of *connections* where packets come back by the port *entrance* and leave by that *behind*."""
    packets = [packet for one in connections for packet in (*one.opened, one.back)]
    here, there = (sightings(capture, packets) for capture in (entrance, behind))
    times = {
        packet.frames: [[frame.timestamp for frame in part] for (part,) in both]
        for packet, *both in zip(packets, here, there, strict=True)
    }
    for one in connections:
        opened, (came, passed) = [times[packet.frames] for packet in one.opened], times[one.back.frames]
        last = max((moment for ports in opened for port in ports for moment in port), default=0.0)
        age = came[0] - last if came else 0.0
        whole = bool(came) and all(map(any, opened))
        yield _Seen(one.kind, one.late, whole, whole and all(map(all, opened)), bool(passed), age)


def _checks(ports: Ports, kind: str, seconds: int, tried: Sequence[_Seen], sure: Sequence[_Seen]) -> Iterator[Check]:
    site, vnf = ports.site, ports.vnf
    opened, came = sum(one.opened for one in tried), sum(one.came for one in tried)
    yield equal(f"{kind}: connections that came to the firewall of {site}", came, len(tried))
    yield equal(f"{kind}: connections that the firewall of {site} let open", opened, came, element=vnf)
    early, late = ([one for one in sure if one.late is wanted] for wanted in (False, True))
    gone, kept = [one.age for one in early if not one.passed], [one.age for one in late if one.passed]
    declared = f"{kind} is {seconds} s"
    yield equal(
        f"{kind}: packets before the time-out that passed the firewall of {site}",
        len(early) - len(gone),
        len(early),
        message=f"the firewall of {site} forgot connections after {min(gone, default=0):.1f} s or sooner: {declared}",
        element=vnf,
    )
    yield equal(
        f"{kind}: packets after the time-out that passed the firewall of {site}",
        len(kept),
        0,
        message=f"the firewall of {site} still had connections after {max(kept, default=0):.1f} s: {declared}",
        element=vnf,
    )
