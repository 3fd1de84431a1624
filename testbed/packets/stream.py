"""A counted stream: packets of known number and size in both directions, as ground truth for any counter.

Only packets whose every consequence is known are used (``flows``), so that nothing uncounted appears beside them.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from random import Random
from socket import socket
from threading import Event

from testbed.packets.counts import Count, FlowCounters, FlowKey, StreamResult
from testbed.packets.flows import Dialogue, End, Flow, Packet
from testbed.packets.probe import Kind
from testbed.packets.services import silent
from testbed.packets.wire import Receiver, open_socket, pace, put
from testbed.polling import poll

_PROTOCOLS: Mapping[int, Kind] = {1: "icmp", 6: "tcp", 17: "udp"}
_AGAIN_SECONDS = 0.3
"""After how long a packet without which a dialogue cannot go on is sent again."""

Counts = dict[FlowKey, Count]


@dataclass(frozen=True)
class CountedStream:
    """Flows and dialogues between two *ends*: a mapping of exactly two direction names to the end that sends in it.

    The order of what is sent is drawn from *seed*; the packets of one flow keep theirs.
    """

    ends: Mapping[str, End]
    flows: tuple[Flow, ...]
    dialogues: tuple[Dialogue, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        used = {flow.direction for flow in self.flows} | {dialogue.direction for dialogue in self.dialogues}
        unknown = used - set(self.ends)
        if len(self.ends) != 2 or unknown:
            raise ValueError(f"a stream has two directions, with an end for each; unknown: {sorted(unknown)}")

    def phases(self) -> list[list[Packet]]:
        """Return what is sent: requests and answers that open dialogues, then all else mixed, then their resets."""
        made = [dialogue.made(self.ends) for dialogue in self.dialogues]
        series = [*(flow.made(self.ends) for flow in self.flows), *(between for _, _, between, _ in made)]
        turns = [number for number, packets in enumerate(series) for _ in packets]
        Random(self.seed).shuffle(turns)  # noqa: S311  (it must be possible to draw the same again)
        rest = [iter(packets) for packets in series]
        mixed = [next(rest[number]) for number in turns]
        return [[opening[0] for opening in made], [opening[1] for opening in made], mixed, [end for *_, end in made]]

    def run(self, interval_seconds: float = 0.0005, deadline: float = 5.0) -> StreamResult:
        """Send all, one packet each *interval_seconds*, and see it arrive.

        What opens or ends a dialogue is sent again until it has arrived. Returns when everything has arrived at both
        ends, or *deadline* seconds after the last packet was sent. Raises ``PacketError`` when a packet could not be
        sent.
        """
        requests, answers, mixed, resets = self.phases()
        with self._running() as exchange:
            exchange.assure(requests, deadline)
            exchange.assure(answers, deadline)
            exchange.send(mixed, interval_seconds)
            whole = exchange.settle(deadline)
            exchange.assure(resets, deadline)
            exchange.settle(deadline if whole else _AGAIN_SECONDS)
        return StreamResult(FlowCounters(exchange.sent), FlowCounters(exchange.received))

    @contextmanager
    def _running(self) -> Iterator[_Exchange]:
        """Hold open all that is sent to, so that nothing is answered but echoes, and count what arrives."""
        with ExitStack() as stack:
            for name, end in self.ends.items():
                stack.enter_context(silent(end.namespace, end.address, self._open_at(name)))
            exchange = _Exchange()
            exchange.start(stack, self.ends)
            stack.callback(exchange.stop)
            yield exchange

    def _open_at(self, direction: str) -> Iterator[tuple[str, int]]:
        """Yield protocol and port of all that arrives at the end which sends in *direction*."""
        for flow in self.flows:
            if flow.protocol == "udp" and flow.direction != direction:
                yield "udp", flow.destination_port
        for dialogue in self.dialogues:
            yield "tcp", dialogue.source_port if dialogue.direction == direction else dialogue.destination_port


class _Exchange:
    """A stream under way: what was *sent* or provoked of each flow, and what was *received* at its other end."""

    def __init__(self) -> None:
        self.sent: Counts = {}
        self.received: Counts = {}
        self._sockets: dict[str, socket] = {}
        self._ended = Event()
        self._counters: list[Future[None]] = []

    def start(self, stack: ExitStack, ends: Mapping[str, End]) -> None:
        """Count from now on; *stack* closes the sockets."""
        counters = []
        names = list(ends)
        for direction, opposite in (names, names[::-1]):
            near, far = ends[direction], ends[opposite]
            self._sockets[direction] = stack.enter_context(open_socket(near.namespace, near.interface))
            receiver = stack.enter_context(Receiver(far.namespace, far.interface))
            counters.append((receiver, direction, (near.address, far.address)))
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=len(counters)))
        self._counters = [pool.submit(self._count, *arguments) for arguments in counters]

    def stop(self) -> None:
        """End the counting; raise what ended it before."""
        self._ended.set()
        for counter in self._counters:
            counter.result()

    def send(self, packets: Sequence[Packet], interval_seconds: float) -> None:
        """Send *packets*, one each *interval_seconds*."""
        begin = time.monotonic()
        for number, packet in enumerate(packets):
            pace(begin + number * interval_seconds)
            put(self._sockets[packet.flow.direction], packet.frame)
            for flow in (packet.flow, packet.provokes):
                if flow:
                    self.sent[flow] = self.sent.get(flow, Count()) + Count(1, packet.bytes)

    def assure(self, packets: Sequence[Packet], deadline: float) -> None:
        """Send *packets*, those that do not arrive again, until all have arrived or *deadline* seconds went by."""
        end, before = time.monotonic() + deadline, dict(self.received)

        def missing() -> list[Packet]:
            return [packet for packet in packets if self.received.get(packet.flow) == before.get(packet.flow)]

        while (left := missing()) and time.monotonic() < end:
            self.send(left, 0)
            poll(lambda: not missing(), _AGAIN_SECONDS)

    def settle(self, deadline: float) -> bool:
        """Wait until all that was sent or provoked has arrived, at most *deadline* seconds; tell whether it has."""
        return bool(poll(lambda: all(self.received.get(key) == count for key, count in self.sent.items()), deadline))

    def _count(self, receiver: Receiver, direction: str, ends: tuple[str, str]) -> None:
        addresses = b"".join(IPv4Address(address).packed for address in ends)
        while True:
            last = self._ended.is_set()
            frame = receiver.wait(lambda f: f[12:14] == b"\x08\x00" and f[26:34] == addresses, 0.02)
            if frame:
                key = _key(frame, direction, ends)
                count = Count(1, int.from_bytes(frame[16:18], "big"))
                self.received[key] = self.received.get(key, Count()) + count
            elif last:
                return


def _key(frame: bytes, direction: str, ends: tuple[str, str]) -> FlowKey:
    """Return the flow of an Ethernet *frame* that holds an IPv4 packet with one of the protocols that are sent."""
    header = 14 + (frame[14] & 0x0F) * 4
    protocol = _PROTOCOLS.get(frame[23], "icmp")
    ports = (0, 0) if protocol == "icmp" else struct.unpack_from("!HH", frame, header)
    return FlowKey(direction, *ends, protocol, *ports)
