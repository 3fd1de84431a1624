"""Digests of all packets of each flow at the ports of a site, as they are recorded during a run."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from reports.text import count_text
from scenarios.file.format import Scenario
from testbed.digests import Recorder, recording
from testbed.lab import Lab
from testbed.nodes.ucpe import LAN_PORT

CAME, LEFT = "rx", "tx"
"""What a port's device has received, and has sent: a port that a VNF is at receives what the switch sends to it."""

_PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6", 255: "fragments"}
_TYPES = {"0806": "ARP", "0800": "IPv4", "86dd": "IPv6"}


class Flow(NamedTuple):
    """What packets have in common: EtherType, VLAN tag, protocol (255 for fragments), both ends with their ports."""

    type: str
    tag: int
    protocol: int
    source: str
    source_port: int
    destination: str
    destination_port: int

    def __str__(self) -> str:
        """Return its name for people."""
        ends = ((self.source, self.source_port), (self.destination, self.destination_port))
        way = " → ".join(f"{address}:{port}" if port else address for address, port in ends)
        tag = f" in VLAN {self.tag & 0xFFF}" if self.tag else ""
        kind = _TYPES.get(self.type, f"EtherType {self.type}")
        if not self.protocol:
            return f"{kind}{tag}"
        return f"{_PROTOCOLS.get(self.protocol, f'{kind} protocol {self.protocol}')} {way}{tag}"


class Digest(NamedTuple):
    """All packets of a flow: how many without data of TCP and how many *segments* with, *octets* of these, and sums.

    *same* is the sum for what no router may change, *hop* for all else.
    """

    packets: int
    segments: int
    octets: int
    same: int
    hop: int

    def __sub__(self, earlier: Digest) -> Digest:
        return Digest(
            self.packets - earlier.packets,
            self.segments - earlier.segments,
            self.octets - earlier.octets,
            (self.same - earlier.same) % (1 << 64),
            (self.hop - earlier.hop) % (1 << 64),
        )

    def plus(self, other: Digest) -> Digest:
        """Return the digest of the packets of both."""
        return self - (NOTHING - other)

    def text(self) -> str:
        """Return in words how many packets there were."""
        segments = f"{count_text(self.segments, 'segment')} with {count_text(self.octets, 'octet')}"
        return " and ".join(
            [count_text(self.packets, "packet")] * bool(self.packets or not self.segments)
            + [segments] * bool(self.segments)
        )


NOTHING = Digest(0, 0, 0, 0, 0)
ALL = Flow("all", 0, 0, "-", 0, "-", 0)
"""Stands for all frames at a port, and has their number alone."""

LOST = Flow("lost", 0, 0, "-", 0, "-", 0)
"""Stands for frames that are in no digest: *packets* that the kernel lost, *segments* for which there was no room."""
NOWHERE = "-", "-"
"""The port and the direction of these."""

Digests = Mapping[Flow, Digest]
Seen = Mapping[tuple[str, str], dict[Flow, Digest]]
"""The digests at each port, one way and the other."""


@contextmanager
def digested(scenario: Scenario, lab: Lab) -> Iterator[dict[str, Recorder]]:
    """Digest what passes the ports of each site of the service inside the block; yield what does by site.

    Raises ``CaptureError`` when that cannot begin.
    """
    key, networks = secrets.randbits(64), [str(entry.prefix) for entry in scenario.topology.underlays.values()]
    recorders = {
        point.site: Recorder(lab.ucpes[point.site].namespace, [LAN_PORT], networks, key)
        for point in scenario.service.endpoints
    }
    with recording(list(recorders.values())):
        yield recorders


def parse(text: str) -> Seen:
    """Return the digests in what a recorder told."""
    seen: dict[tuple[str, str], dict[Flow, Digest]] = {}
    for line in text.splitlines():
        port, way, kind, tag, protocol, source, source_port, destination, destination_port, *numbers = line.split()
        flow = Flow(kind, int(tag), int(protocol), source, int(source_port), destination, int(destination_port))
        packets, segments, octets, same, hop = numbers
        digest = Digest(int(packets), int(segments), int(octets), int(same, 16), int(hop, 16))
        flows = seen.setdefault((port, way), {})
        flows[flow] = flows[flow].plus(digest) if flow in flows else digest
    return seen


def since(before: str, now: str) -> str:
    """Return what passed each port between two moments, of flows of which anything did, as a recorder tells it."""
    earlier = parse(before)
    lines = []
    for (port, way), flows in parse(now).items():
        start = earlier.get((port, way), {})
        for flow, digest in flows.items():
            if (rise := digest - start.get(flow, NOTHING)) != NOTHING:
                *counts, same, hop = rise
                lines.append(" ".join(map(str, (port, way, *flow, *counts, f"{same:016x}", f"{hop:016x}"))))
    return "".join(f"{line}\n" for line in sorted(lines))
