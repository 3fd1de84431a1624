"""A counted stream: packets of known number and size in both directions, as ground truth for any counter.

Only packets whose every consequence is known are used, so that nothing uncounted appears beside them:

* UDP to an open port: no answer;
* ICMP echo requests: one reply of the same size each, in the other direction (RFC 1122, 3.2.2.6);
* TCP SYN to a closed port: one reset of 40 bytes each, in the other direction (RFC 9293, 3.10.7.1).
"""

from __future__ import annotations

import struct
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import zip_longest

from testbed.host.namespace import Namespace
from testbed.packets.probe import Kind, canary, probe
from testbed.packets.services import listening
from testbed.packets.wire import Receiver, open_socket, pace, put

IP_HEADER = 20
HEADERS: Mapping[Kind, int] = {"udp": IP_HEADER + 8, "icmp": IP_HEADER + 8, "tcp": IP_HEADER + 20}
RESET_BYTES = HEADERS["tcp"]
_PROTOCOLS: Mapping[int, Kind] = {1: "icmp", 6: "tcp", 17: "udp"}


@dataclass(frozen=True)
class End:
    """One end of the stream: a host's interface and address, and the MAC of its next hop to the other end."""

    namespace: Namespace
    interface: str
    address: str
    mac: str
    next_hop_mac: str


@dataclass(frozen=True)
class Flow:
    """*packets* packets with *payload* bytes above UDP, ICMP or TCP, sent in *direction*.

    For ICMP *source_port* is the echo identifier. A TCP flow is one SYN, its port must be closed.
    """

    direction: str
    protocol: Kind
    packets: int
    payload: int
    source_port: int = 40000
    destination_port: int = 9

    def __post_init__(self) -> None:
        if self.packets < 1 or self.payload < 0:
            raise ValueError("a flow has at least one packet and no negative payload")
        if self.protocol == "tcp" and self.packets != 1:
            raise ValueError("a TCP flow is one SYN: use one flow with its own source port for each")

    def reaches(self, protocol: Kind, direction: str) -> bool:
        """Tell whether this is a flow of *protocol* in *direction*."""
        return (self.protocol, self.direction) == (protocol, direction)


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
        return all(self.expected.direction(name) == count for name, count in self.arrived.items())


@dataclass(frozen=True)
class CountedStream:
    """Flows between two *ends*: a mapping of exactly two direction names to the end that sends in it."""

    ends: Mapping[str, End]
    flows: tuple[Flow, ...]

    def __post_init__(self) -> None:
        unknown = {flow.direction for flow in self.flows} - set(self.ends)
        if len(self.ends) != 2 or unknown:
            raise ValueError(f"a stream has two directions, with an end for each; unknown: {sorted(unknown)}")

    def opposite(self, direction: str) -> str:
        """Return the other direction's name."""
        (other,) = set(self.ends) - {direction}
        return other

    def expected(self) -> FlowCounters:
        """Return what a counter on the path must see of each flow, answers included, without sending anything."""
        flows: Counter[FlowKey] = Counter()
        sizes: dict[FlowKey, int] = {}
        for flow in self.flows:
            for key, packets, size in self._consequences(flow):
                flows[key] += packets
                sizes[key] = sizes.get(key, 0) + packets * size
        return FlowCounters({key: Count(packets, sizes[key]) for key, packets in flows.items()})

    def run(self, interval_seconds: float = 0.0005, deadline: float = 5.0) -> StreamResult:
        """Send all flows, interleaved, one packet each *interval_seconds*, and see them arrive.

        Returns when everything has arrived at both ends, or *deadline* seconds after the last packet was sent.
        Raises ``PacketError`` when a packet could not be sent.
        """
        expected = self.expected()
        frames = list(self._interleaved())
        with ExitStack() as stack:
            receivers = {name: stack.enter_context(self._far_end(name)) for name in self.ends}
            counters = stack.enter_context(ThreadPoolExecutor(max_workers=2))  # ends before its receivers close
            sent: Future[float] = Future()
            pending = {
                name: counters.submit(self._arrivals, receiver, name, expected.direction(name).packets, sent)
                for name, receiver in receivers.items()
            }
            try:
                self._send(frames, interval_seconds)
            finally:
                sent.set_result(time.monotonic() + deadline)
            received = {key: count for arrived in pending.values() for key, count in arrived.result().items()}
            return StreamResult(expected, FlowCounters(received))

    @contextmanager
    def _far_end(self, direction: str) -> Iterator[Receiver]:
        """Hold open, where *direction* ends, the UDP ports that its flows use, and receive what arrives there."""
        far = self.ends[self.opposite(direction)]
        ports = {("udp", flow.destination_port) for flow in self.flows if flow.reaches("udp", direction)}
        with listening(far.namespace, far.address, ports), Receiver(far.namespace, far.interface) as receiver:
            yield receiver

    def _arrivals(self, receiver: Receiver, direction: str, expected: int, sent: Future[float]) -> dict[FlowKey, Count]:
        """Count the IPv4 packets of *direction* that arrive, until *expected* or the moment that *sent* will name."""
        ends = (self.ends[direction].address, self.ends[self.opposite(direction)].address)
        addresses = b"".join(IPv4Address(address).packed for address in ends)
        received: dict[FlowKey, Count] = {}
        while sum(count.packets for count in received.values()) < expected:
            frame = receiver.wait(lambda f: f[12:14] == b"\x08\x00" and f[26:34] == addresses, 0.1)
            if frame:
                key = _key(frame, direction, ends)
                received[key] = received.get(key, Count()) + Count(1, int.from_bytes(frame[16:18], "big"))
            elif sent.done() and time.monotonic() >= sent.result():
                break
        return received

    def _send(self, frames: Sequence[tuple[str, bytes]], interval_seconds: float) -> None:
        with ExitStack() as stack:
            sockets = {n: stack.enter_context(open_socket(e.namespace, e.interface)) for n, e in self.ends.items()}
            begin = time.monotonic()
            for number, (direction, frame) in enumerate(frames):
                pace(begin + number * interval_seconds)
                put(sockets[direction], frame)

    def _consequences(self, flow: Flow) -> Iterator[tuple[FlowKey, int, int]]:
        """Yield key, packets and bytes per packet of what the flow sends and of what it provokes."""
        source, far = self.ends[flow.direction], self.ends[self.opposite(flow.direction)]
        ports = (0, 0) if flow.protocol == "icmp" else (flow.source_port, flow.destination_port)
        size = HEADERS[flow.protocol] + flow.payload
        yield FlowKey(flow.direction, source.address, far.address, flow.protocol, *ports), flow.packets, size
        if flow.protocol != "udp":
            back = FlowKey(self.opposite(flow.direction), far.address, source.address, flow.protocol, *ports[::-1])
            yield back, flow.packets, size if flow.protocol == "icmp" else RESET_BYTES

    def _interleaved(self) -> Iterator[tuple[str, bytes]]:
        """Yield direction and frame of every packet, one of each flow in turn."""
        series = [[(flow.direction, frame) for frame in self._frames(flow)] for flow in self.flows]
        for row in zip_longest(*series):
            yield from (item for item in row if item)

    def _frames(self, flow: Flow) -> list[bytes]:
        source, far = self.ends[flow.direction], self.ends[self.opposite(flow.direction)]
        frame = probe(
            flow.protocol,
            source_mac=source.mac,
            destination_mac=source.next_hop_mac,
            source=source.address,
            destination=far.address,
            source_port=flow.source_port,
            destination_port=flow.destination_port,
            icmp_id=flow.source_port,
            payload=canary(flow.payload),
        )
        return [frame] * flow.packets


def _key(frame: bytes, direction: str, ends: tuple[str, str]) -> FlowKey:
    """Return the flow of an Ethernet *frame* that holds an IPv4 packet with one of the protocols that are sent."""
    header = 14 + (frame[14] & 0x0F) * 4
    protocol = _PROTOCOLS.get(frame[23], "icmp")
    ports = (0, 0) if protocol == "icmp" else struct.unpack_from("!HH", frame, header)
    return FlowKey(direction, *ends, protocol, *ports)
