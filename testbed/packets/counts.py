"""How many packets and bytes: of one flow, of all flows, and what must be counted beside what arrived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from testbed.packets.probe import Kind


@dataclass(frozen=True)
class FlowKey:
    """What tells flows apart in a flow table; ports are 0 for ICMP."""

    direction: str
    source: str
    destination: str
    protocol: Kind
    source_port: int
    destination_port: int


@dataclass(frozen=True)
class Count:
    """Packets and their layer-3 bytes (IP total length)."""

    packets: int = 0
    bytes: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.packets + other.packets, self.bytes + other.bytes)

    def __sub__(self, other: Count) -> Count:
        return Count(self.packets - other.packets, self.bytes - other.bytes)


@dataclass(frozen=True)
class FlowCounters:
    """Packets and layer-3 bytes of each flow."""

    flows: Mapping[FlowKey, Count]

    def direction(self, name: str) -> Count:
        """Return the total of direction *name*."""
        return sum((count for key, count in self.flows.items() if key.direction == name), Count())

    def protocol(self, direction: str, protocol: str) -> Count:
        """Return the total of *protocol* (udp, icmp, tcp) in *direction*."""
        chosen = (c for k, c in self.flows.items() if (k.direction, k.protocol) == (direction, protocol))
        return sum(chosen, Count())


@dataclass(frozen=True)
class StreamResult:
    """What counters on the path must see of a stream, and what its ends *received*: the same where nothing is lost."""

    expected: FlowCounters
    received: FlowCounters

    @property
    def arrived(self) -> Mapping[str, Count]:
        """Return what was received in each direction."""
        return {key.direction: self.received.direction(key.direction) for key in self.expected.flows}

    @property
    def complete(self) -> bool:
        """Tell whether everything that was sent or provoked has arrived."""
        return all(self.received.flows.get(key) == count for key, count in self.expected.flows.items())
