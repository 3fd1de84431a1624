"""Flows whose every packet is known: what they send, in which order, and what that provokes.

* UDP to an open port: no answer;
* ICMP echo requests: one reply of the same size each, in the other direction (RFC 1122, 3.2.2.6);
* TCP, with both ends crafted: hosts that take the segments without an answer (``services.silent``).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from testbed.host.namespace import Namespace
from testbed.packets.counts import FlowKey
from testbed.packets.probe import Kind, canary, probe

IP_HEADER = 20
HEADERS: Mapping[Kind, int] = {"udp": IP_HEADER + 8, "icmp": IP_HEADER + 8, "tcp": IP_HEADER + 20}
WINDOW = 65_535
"""Octets that may be under way in each direction of a dialogue: nothing is acknowledged before its end (RFC 9293)."""


@dataclass(frozen=True)
class End:
    """One end of the stream: a host's interface and address, and the MAC of its next hop to the other end."""

    namespace: Namespace
    interface: str
    address: str
    mac: str
    next_hop_mac: str

    def frame(self, to: End, kind: Kind, source_port: int, destination_port: int, **fields: object) -> bytes:
        """Return a frame from this end *to* the other; for ICMP *source_port* is the echo's identifier."""
        return probe(
            kind,
            source_mac=self.mac,
            destination_mac=self.next_hop_mac,
            source=self.address,
            destination=to.address,
            source_port=source_port,
            destination_port=destination_port,
            icmp_id=source_port,
            **fields,  # type: ignore[arg-type]
        )


@dataclass(frozen=True)
class Packet:
    """One packet of a stream: its *flow*, its *frame*, and the flow of the equally long packet that it provokes."""

    flow: FlowKey
    frame: bytes
    provokes: FlowKey | None = None

    @property
    def bytes(self) -> int:
        """Its layer-3 bytes."""
        return int.from_bytes(self.frame[16:18], "big")


@dataclass(frozen=True)
class Flow:
    """*packets* packets with *payload* bytes above UDP or ICMP, sent in *direction*.

    For ICMP, which sends echo requests, *source_port* is their identifier.
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
        if self.protocol == "tcp":
            raise ValueError("TCP has no flows of a single direction: use a dialogue")

    def made(self, ends: Mapping[str, End]) -> list[Packet]:
        """Return the packets, which are all alike."""
        back, near, far = _sides(ends, self.direction)
        ports = (0, 0) if self.protocol == "icmp" else (self.source_port, self.destination_port)
        flow = FlowKey(self.direction, near.address, far.address, self.protocol, *ports)
        reply = FlowKey(back, far.address, near.address, self.protocol, *ports) if self.protocol == "icmp" else None
        payload = canary(self.payload)
        frame = near.frame(far, self.protocol, self.source_port, self.destination_port, payload=payload)
        return [Packet(flow, frame, reply)] * self.packets


@dataclass(frozen=True)
class Dialogue:
    """A TCP connection that is opened in *direction* and ends with a reset.

    *sizes* are the payloads in octets of the segments between, sent in that direction and back in turn.
    """

    direction: str
    sizes: tuple[int, ...]
    source_port: int
    destination_port: int

    def __post_init__(self) -> None:
        if max(sum(self.sizes[::2]), sum(self.sizes[1::2])) > WINDOW:
            raise ValueError(f"a dialogue has at most {WINDOW} octets each way")

    def made(self, ends: Mapping[str, End]) -> tuple[Packet, Packet, list[Packet], Packet]:
        """Return the two packets of the handshake that must come one after the other, all between, and the reset.

        No two numbers in the IP headers follow each other, so that nothing on the way takes segments for parts of one.
        """
        back, near, far = _sides(ends, self.direction)
        here, there = (secrets.randbits(32) for _ in range(2))
        ports = (self.source_port, self.destination_port)
        forth = FlowKey(self.direction, near.address, far.address, "tcp", *ports)
        reverse = FlowKey(back, far.address, near.address, "tcp", *ports[::-1])

        def asks(flags: str, seq: int, ack: int, size: int = 0) -> Packet:
            return Packet(forth, _segment(near, far, ports, flags, here + seq, there + ack, size))

        def answers(flags: str, seq: int, ack: int, size: int = 0) -> Packet:
            return Packet(reverse, _segment(far, near, ports[::-1], flags, there + seq, here + ack, size))

        between, sent = [asks("A", 1, 1)], [1, 1]
        for number, size in enumerate(self.sizes):
            side = number % 2
            between.append((asks, answers)[side]("PA" if size else "A", sent[side], 1, size))
            sent[side] += size
        return asks("S", 0, -there), answers("SA", 0, 1), between, asks("RA", 1, 1)


def _segment(near: End, far: End, ports: tuple[int, int], flags: str, seq: int, ack: int, size: int) -> bytes:
    numbers = {
        "tcp_sequence": seq % 2**32,
        "tcp_acknowledgement": ack % 2**32,
        "identification": 2 * secrets.randbits(15),
    }
    return near.frame(far, "tcp", *ports, tcp_flags=flags, payload=canary(size), **numbers)


def _sides(ends: Mapping[str, End], direction: str) -> tuple[str, End, End]:
    """Return the opposite of *direction*, the end that sends in *direction*, and the other."""
    (back,) = set(ends) - {direction}
    return back, ends[direction], ends[back]
