"""Sets of IPv4 packets, as a stateful five-tuple firewall can tell them apart, and their intersection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import TypeVar

Ports = tuple[int, int]
"""A range of ports, both ends included."""

TCP, UDP, ICMP = 6, 17, 1

T = TypeVar("T")


@dataclass(frozen=True)
class Packet:
    """The fields by which a firewall tells packets apart; ports with TCP and UDP only, `icmp_type` with ICMP only."""

    source: IPv4Address
    destination: IPv4Address
    protocol: int
    source_port: int | None = None
    destination_port: int | None = None
    icmp_type: str | None = None


@dataclass(frozen=True)
class Match:
    """Packets whose every field is in the given set; None is any value. Ports imply TCP or UDP, ICMP types ICMP."""

    source: tuple[IPv4Network, ...] | None = None
    destination: tuple[IPv4Network, ...] | None = None
    protocols: tuple[int, ...] | None = None
    source_ports: tuple[Ports, ...] | None = None
    destination_ports: tuple[Ports, ...] | None = None
    icmp_types: tuple[str, ...] | None = None

    @property
    def empty(self) -> bool:
        """True when no packet can match."""
        return any(
            values == ()
            for values in (
                self.source,
                self.destination,
                self.protocols,
                self.source_ports,
                self.destination_ports,
                self.icmp_types,
            )
        )

    def holds(self, packet: Packet) -> bool:
        """Whether the packet is one of the set."""
        return (
            _within(packet.source, self.source)
            and _within(packet.destination, self.destination)
            and (self.protocols is None or packet.protocol in self.protocols)
            and _in_range(packet.source_port, self.source_ports)
            and _in_range(packet.destination_port, self.destination_ports)
            and (self.icmp_types is None or packet.icmp_type in self.icmp_types)
        )

    def __and__(self, other: Match) -> Match:
        return Match(
            source=_networks(self.source, other.source),
            destination=_networks(self.destination, other.destination),
            protocols=_values(self.protocols, other.protocols),
            source_ports=_ranges(self.source_ports, other.source_ports),
            destination_ports=_ranges(self.destination_ports, other.destination_ports),
            icmp_types=_values(self.icmp_types, other.icmp_types),
        )


def _within(address: IPv4Address, networks: tuple[IPv4Network, ...] | None) -> bool:
    return networks is None or any(address in network for network in networks)


def _in_range(port: int | None, ranges: tuple[Ports, ...] | None) -> bool:
    return ranges is None or (port is not None and any(low <= port <= high for low, high in ranges))


def _values(left: tuple[T, ...] | None, right: tuple[T, ...] | None) -> tuple[T, ...] | None:
    if left is None or right is None:
        return right if left is None else left
    return tuple(dict.fromkeys(value for value in left if value in right))


def _networks(
    left: tuple[IPv4Network, ...] | None, right: tuple[IPv4Network, ...] | None
) -> tuple[IPv4Network, ...] | None:
    if left is None or right is None:
        return right if left is None else left
    # Of two prefixes that overlap one holds the other.
    return tuple(dict.fromkeys((*_inside(left, set(right)), *_inside(right, set(left)))))


def _inside(networks: tuple[IPv4Network, ...], others: set[IPv4Network]) -> Iterator[IPv4Network]:
    """Those that lie in one of the others: each has 33 prefixes that hold it, however many others there are."""
    lengths = {other.prefixlen for other in others}
    for network in networks:
        if any(length <= network.prefixlen and network.supernet(new_prefix=length) in others for length in lengths):
            yield network


def _ranges(left: tuple[Ports, ...] | None, right: tuple[Ports, ...] | None) -> tuple[Ports, ...] | None:
    if left is None or right is None:
        return right if left is None else left
    return tuple(_common(_joined(left), _joined(right)))


def _joined(ranges: tuple[Ports, ...]) -> list[Ports]:
    """The same ports in ranges that do not overlap, lowest first."""
    joined: list[Ports] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined


def _common(left: list[Ports], right: list[Ports]) -> Iterator[Ports]:
    """What two lists of such ranges have in common, in one walk along both."""
    one = other = 0
    while one < len(left) and other < len(right):
        low, high = max(left[one][0], right[other][0]), min(left[one][1], right[other][1])
        if low <= high:
            yield low, high
        if left[one][1] < right[other][1]:
            one += 1
        else:
            other += 1
