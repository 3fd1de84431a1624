"""Packets that firewalls are tried with, made from a seed; nothing in them tells a probe from other traffic."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TypedDict

from scenarios.file.format import Scenario
from scenarios.network.flows import may_pass, open_ports, source_ports
from scenarios.network.marks import LEAST_MARK, Packet
from scenarios.steps.context import Context
from testbed.packets import Kind, fragments, probe

IP_HEADER, ERROR_QUOTES = 20, 28
_SIZES = ("small", "small", "medium", "small", "large", "small", "medium", "small")
_ROUTER_ALERT, _NO_OPERATIONS = b"\x94\x04\x00\x00", b"\x01\x01\x01\x01"
_IP_OPTIONS = (b"", b"", b"", _NO_OPERATIONS, b"", b"", b"", _ROUTER_ALERT)

ALLOWED_FLAGS = ("S", "S+", "S", "S+")
"""TCP flags, with + for data."""

ANSWERS: Mapping[Kind, tuple[str, ...]] = {"tcp": ("SA", "A+", "RA"), "udp": ("",)}
UNPRIVILEGED = [range(1024, 65536)]
_QUERIES = (8, 13, 15, 17)  # ICMP types that ask something

BLOCKED_FLAGS = ("S", "S+", "A", "S", "S+", "F", "S", "S+", "R", "S", "S+", "", "S", "S+", "A+", "S", "S+", "FPU")


@dataclass(frozen=True)
class Way:
    """A way into a network: IPv4 addresses, MAC addresses there, and how many routers a packet has passed already."""

    source: str
    target: str
    source_mac: str
    target_mac: str
    routers: int = 0

    def arguments(self) -> _Addresses:
        """Return the addresses as ``testbed.packets.probe`` takes them."""
        return {
            "source": self.source,
            "destination": self.target,
            "source_mac": self.source_mac,
            "destination_mac": self.target_mac,
        }


class _Addresses(TypedDict):
    source: str
    destination: str
    source_mac: str
    destination_mac: str


@dataclass(frozen=True)
class Flow:
    """What the packets of a step are: *rule* is the flow that decides about them."""

    protocol: Kind
    destination_port: int
    icmp_type: int
    rule: str


@dataclass(frozen=True)
class Maker:
    """Makes packets of at most *mtu* octets, in the order of the calls; *used* are connections that are taken."""

    rng: random.Random
    mtu: int
    sources: list[range]
    used: set[tuple[str, int]]

    @classmethod
    def of(cls, context: Context, seed: int, rule: str) -> Maker:
        """Return a maker of packets that *rule* decides about; what it makes follows from *seed*."""
        scenario = context.scenario
        rng = random.Random(seed)  # noqa: S311  (what is wanted is that it can be made again)
        return cls(rng, scenario.service.mtu, source_ports(scenario, rule), context.source_ports)

    def allowed(self, flow: Flow, way: Way, count: int) -> tuple[Packet, ...]:
        """Return *count* packets that each open a connection of *flow*; one UDP datagram is in fragments."""
        ports, flags, sizes = self._spread(flow, count), cycle(ALLOWED_FLAGS), cycle(_SIZES)
        made = [
            self._packet(flow, way, port, flag, size, b"", in_fragments=flow.protocol == "udp" and number == count // 2)
            for number, (port, flag, size) in enumerate(zip(ports, flags, sizes, strict=False))
        ]
        return tuple(made)

    def blocked(self, flow: Flow, way: Way, count: int, known: Sequence[int]) -> tuple[Packet, ...]:
        """Return *count* packets of *flow* in every shape that a firewall may take for something else.

        The source ports are 0, a well-known one, the *known* ones, and others from the whole range.
        """
        special = [0, self.rng.randrange(1, 1024), *known] if flow.protocol != "icmp" else []
        fitting = [port for port in special if any(port in ports for ports in self.sources)]
        ports = [*fitting[:count], *self._spread(flow, max(0, count - len(fitting)))]
        flags, sizes, options = cycle(BLOCKED_FLAGS), cycle(_SIZES), cycle(_IP_OPTIONS)
        made = [
            self._packet(flow, way, port, flag, size, option, in_fragments=number % 16 == 4)
            for number, (port, flag, size, option) in enumerate(zip(ports, flags, sizes, options, strict=False))
        ]
        return tuple(made)

    def unasked(self, scenario: Scenario, flow: Flow, way: Way) -> tuple[Packet, ...]:
        """Return what looks like answers on *way* from the ports of services, though nobody has asked for them."""
        own = {flow.protocol: [flow.destination_port]} if flow.destination_port else {}
        services = [
            (protocol, service, flag)
            for protocol, flags in ANSWERS.items()
            for service in [*own.get(protocol, ()), *islice(open_ports(scenario, protocol), 2)]
            for flag in flags
        ]
        made: list[Packet] = []
        for protocol, service, flag in services:
            port = self._unused(protocol, UNPRIVILEGED)
            if not may_pass(scenario, protocol, port):
                made.append(self._packet(Flow(protocol, port, 0, ""), way, service, flag, "small", b""))
        made.append(self._packet(Flow("icmp", 0, 0, ""), way, self._unused("icmp", UNPRIVILEGED), "", "small", b""))
        made.append(self.error_about(way, "udp", self._unused("udp", UNPRIVILEGED), flow.destination_port or 9))
        return tuple(packet.model_copy(update={"opens": False}) for packet in made)

    def error_about(self, way: Way, protocol: Kind, source_port: int, destination_port: int) -> Packet:
        """Return "port unreachable" on *way*, about a packet that went the other way between these ports."""
        sent = probe(
            protocol,
            source=way.target,
            destination=way.source,
            source_mac=way.target_mac,
            destination_mac=way.source_mac,
            source_port=source_port,
            destination_port=destination_port,
            icmp_id=source_port,
            ttl=62,
            identification=self.rng.randrange(65536),
            tcp_flags="A",
            tcp_sequence=self.rng.randrange(1 << 32),
            payload=self.rng.randbytes(16),
        )
        frame = probe(
            "icmp",
            **way.arguments(),
            icmp_type=3,
            icmp_code=3,
            icmp_id=0,
            icmp_sequence=0,
            ttl=64 - way.routers,
            identification=self.rng.randrange(65536),
            payload=sent[14 : 14 + ERROR_QUOTES + 16],
        )
        return Packet(frames=(frame,), what="ICMP error", opens=False)

    def port(self, protocol: str) -> int:
        """Return a source port for a connection of a real socket."""
        return self._unused(protocol, self.sources)

    def data(self, octets: int) -> bytes:
        """Return random data."""
        return self.rng.randbytes(octets)

    def _spread(self, flow: Flow, count: int) -> Iterator[int]:
        """Yield *count* unused source ports in random order, one from each of *count* equal parts of those allowed."""
        total, parts = sum(map(len, self.sources)), list(range(count))
        self.rng.shuffle(parts)
        for part in parts:
            low, high = part * total // count, max((part + 1) * total // count, part * total // count + 1)
            yield self._unused(flow.protocol, [self._nth(low, high)])

    def _nth(self, low: int, high: int) -> range:
        """Return the source ports from the *low*-th to the *high*-th, of those in one range."""
        for ports in self.sources:
            if low < len(ports):
                return ports[low:high]
            low, high = low - len(ports), high - len(ports)
        return self.sources[-1][-1:]

    def _unused(self, protocol: str, ranges: Sequence[range]) -> int:
        """Return a random port from *ranges*, not 0, that no packet had so far, if there is one, and take it."""
        for _ in range(1000):
            port = self.rng.choice(self.rng.choice(ranges))
            if (protocol, port) not in self.used and port:
                break
        self.used.add((protocol, port))
        return port

    def _packet(
        self, flow: Flow, way: Way, port: int, flag: str, size: str, option: bytes, *, in_fragments: bool = False
    ) -> Packet:
        """Return a packet of *flow* from *port*: *flag* are TCP flags with + for data, *size* says how much."""
        tcp = flow.protocol == "tcp"
        options = self._tcp_options() if tcp and "S" in flag else ()
        headers = IP_HEADER + len(option) + (8 if not tcp else 40 if options else 20)
        octets = 0 if tcp and "+" not in flag and not in_fragments else self._octets(size, self.mtu - headers)
        if in_fragments:
            octets = self.mtu + 200 - headers if not tcp else max(octets, 64)
        frame = probe(
            flow.protocol,
            **way.arguments(),
            source_port=port,
            destination_port=flow.destination_port,
            icmp_type=flow.icmp_type,
            icmp_id=port,
            icmp_sequence=self.rng.randrange(65536),
            payload=self.data(octets),
            tcp_flags=flag.rstrip("+"),
            tcp_options=options,
            tcp_sequence=self.rng.randrange(1 << 32),
            ttl=self.rng.randrange(32, 256) - way.routers,
            tos=self.rng.randrange(64) << 2,
            dont_fragment=not in_fragments and self.rng.random() < 0.5,
            identification=self.rng.randrange(1, 65536),
            ip_options=option,
        )
        # The first part of a TCP packet ends within its header, as in RFC 1858.
        part = 16 if tcp else (self.mtu - headers + 8) // 8 * 8
        frames = fragments(frame, part) if in_fragments else (frame,)
        opens = "S" in flag if tcp else flow.protocol == "udp" or flow.icmp_type in _QUERIES
        return Packet(frames=frames, what=_name(flow, flag, octets, in_fragments), opens=opens)

    def _octets(self, size: str, most: int) -> int:
        low, high = {"small": (LEAST_MARK, 64), "medium": (65, 400), "large": (most, most)}[size]
        return min(most, self.rng.randint(low, high))

    def _tcp_options(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Return options as a host's kernel sends them with a SYN, 20 octets; the size is one that nobody lowers."""
        return (
            ("MSS", (self.rng.randrange(500, 536),)),
            ("SAckOK", ()),
            ("Timestamp", (self.rng.randrange(1 << 32), 0)),
            ("WScale", (self.rng.randrange(8),)),
        )


def _name(flow: Flow, flag: str, octets: int, in_fragments: bool) -> str:
    names = {"S": "SYN", "SA": "SYN/ACK", "RA": "RST/ACK", "A": "ACK", "F": "FIN", "R": "RST", "": "no flags"}
    kind = names.get(flag.rstrip("+"), flag.rstrip("+")) if flow.protocol == "tcp" else flow.protocol.upper()
    return f"{kind} with {octets} octets" + (" in fragments" if in_fragments else "")
