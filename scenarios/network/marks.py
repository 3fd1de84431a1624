"""Which captured frames are which of the packets that were sent, and what the hops between may change of them."""

from __future__ import annotations

import heapq
import math
import struct
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile

from scenarios.network.wire import CaptureFile
from scenarios.steps.evidence import Evidence
from testbed.capture import Frame, read_frames
from testbed.esp import ipv4_of, payload_of
from testbed.packets import checksum

ICMP, TCP, UDP = 1, 6, 17
_ICMP_ERRORS = (3, 4, 5, 11, 12)
LEAST_MARK = 8
"""Octets of random data by which a packet is known, whatever became of its headers."""

ROUTED = "ipsec"
MAY_CHANGE: Mapping[str, frozenset[str]] = {
    "firewall": frozenset(),
    "statistics": frozenset(),
    ROUTED: frozenset({"MAC addresses", "TTL", "header checksum"}),
}
"""What a VNF of each kind may change of an IPv4 frame: a router lowers TTL by 1 (RFC 1812, 5.3.1), others nothing."""

_FIELDS = {
    "MAC addresses": slice(0, 12), "EtherType": slice(12, 14), "version and header length": slice(14, 15),
    "DSCP": slice(15, 16), "length": slice(16, 18), "identification": slice(18, 20), "fragment fields": slice(20, 22),
    "TTL": slice(22, 23), "protocol": slice(23, 24), "header checksum": slice(24, 26), "addresses": slice(26, 34),
    "ports": slice(34, 38),
}  # fmt: skip

_ARP = b"\x08\x06"

Mark = tuple[int | str, bytes]
Key = tuple[int, bytes, bytes, int, int]
"""Protocol, source and destination, source and destination port; an ICMP query has its identifier for both."""


class Packet(Evidence):
    """An IPv4 packet of one frame, or of several if it was sent in fragments; *what* names it for people.

    *opens* tells whether it is the first of a connection, which a rule has to decide about.
    """

    frames: tuple[bytes, ...]
    what: str
    opens: bool = True


def frames_of(packets: Sequence[Packet]) -> list[bytes]:
    """Return the frames of all *packets*, in order."""
    return [frame for packet in packets for frame in packet.frames]


def sightings(capture: CaptureFile, packets: Sequence[Packet]) -> list[list[list[Frame]]]:
    """Return, for each frame of each of *packets*, those in *capture* that are this frame, changed or not."""
    found: list[list[list[Frame]]] = [[[] for _ in packet.frames] for packet in packets]
    places = {
        mark: found[number][part]
        for number, packet in enumerate(packets)
        for part, frame in enumerate(packet.frames)
        for mark in marks(frame)
    }
    for seen in read_frames(capture.file):
        for place in {
            id(place): place for mark in marks(seen.data) if (place := places.get(mark)) is not None
        }.values():
            place.append(seen)
    return found


def marks(frame: bytes) -> Iterator[Mark]:
    """Yield what makes the IPv4 packet in *frame* this one: the data that it carries, and a TCP sequence number."""
    packet = ipv4_of(frame)
    if packet is None:
        return
    body, fragment = payload_of(packet), int.from_bytes(packet[6:8], "big")
    start = 8
    if packet[9] == TCP and not fragment & 0x1FFF and len(body) >= start:
        yield TCP, packet[12:20] + body[4:8]
        start = (body[12] >> 4) * 4 if len(body) > 12 and not fragment & 0x2000 else len(body)
    if len(body) - start >= LEAST_MARK:
        # What an echo request carries comes back in its reply.
        yield body[0] if packet[9] == ICMP else "data", body[start:]


def keys_of(packets: Iterable[Packet]) -> set[Key]:
    """Return the connections that *packets* belong to."""
    keys = (key_of(frame[14:]) for packet in packets for frame in packet.frames)
    return {key for key in keys if key}


def answers(capture: CaptureFile, keys: Collection[Key]) -> list[Frame]:
    """Return the frames in *capture* that come back in one of the connections *keys*, or are ICMP errors about one."""
    back = {reverse(key) for key in keys}
    found = []
    for seen in read_frames(capture.file):
        packet = ipv4_of(seen.data)
        if packet is not None and (key_of(packet) in back or quoted(packet) in keys):
            found.append(seen)
    return found


def of_connection(capture: CaptureFile, key: Key) -> list[Frame]:
    """Return the frames in *capture* that were sent in the connection *key*."""
    return [seen for seen in read_frames(capture.file) if (packet := ipv4_of(seen.data)) and key_of(packet) == key]


def stopped_others(ports: Sequence[CaptureFile], packets: Sequence[Packet], until: float = math.inf) -> int:
    """Return how many frames, none of *packets* nor of ARP, were at one of two *ports* more often than at the other.

    Looks at those that were captured before the moment *until*, in seconds since the epoch.
    """
    own = {mark for packet in packets for frame in packet.frames for mark in marks(frame)}
    balance = Counter[bytes]()
    here, there = (_signed(port, sign) for port, sign in zip(ports, (1, -1), strict=True))
    # In time, so that only what is between the ports is held.
    for _, sign, data in takewhile(lambda seen: seen[0] < until, heapq.merge(here, there)):
        if data[12:14] != _ARP and own.isdisjoint(marks(data)):
            balance[data] += sign
            if not balance[data]:
                del balance[data]
    return sum(map(abs, balance.values()))


def _signed(port: CaptureFile, sign: int) -> Iterator[tuple[float, int, bytes]]:
    return ((seen.timestamp, sign, seen.data) for seen in read_frames(port.file))


def key_of(packet: bytes) -> Key | None:
    """Return what connection the IPv4 *packet* belongs to; None for later fragments and what has no ports.

    An ICMP error has none of its own: where a query has its identifier, other errors have the same.
    """
    body = payload_of(packet)
    if int.from_bytes(packet[6:8], "big") & 0x1FFF or len(body) < 8:
        return None
    if packet[9] == ICMP and body[0] not in _ICMP_ERRORS:
        ports = (int.from_bytes(body[4:6], "big"),) * 2
    elif packet[9] in (TCP, UDP):
        ports = struct.unpack_from("!HH", body)
    else:
        return None
    return packet[9], packet[12:16], packet[16:20], *ports


def tcp_flags(frame: bytes) -> int:
    """Return the flags of the TCP packet in *frame*, 0 for what carries none."""
    body = payload_of(frame[14:])
    return body[13] if len(body) > 13 else 0


def reverse(key: Key) -> Key:
    """Return the key of what comes back in the connection *key*."""
    protocol, source, destination, source_port, destination_port = key
    return protocol, destination, source, destination_port, source_port


def quoted(packet: bytes) -> Key | None:
    """Return the connection that the ICMP error *packet* is about (RFC 792), None for any other packet."""
    body = payload_of(packet)
    if packet[9] != ICMP or len(body) < 36 or body[0] not in _ICMP_ERRORS:
        return None
    return key_of(body[8:])


def behind(frame: bytes, kinds: Sequence[str], addresses: bytes) -> bytes:
    """Return *frame* as it has to look behind VNFs of *kinds*; *addresses* are the MAC addresses of a routed one."""
    routed = sum("TTL" in MAY_CHANGE.get(kind, frozenset()) for kind in kinds)
    if not routed:
        return frame
    end = 14 + (frame[14] & 0x0F) * 4
    header = bytearray(frame[14:end])
    header[8] -= routed
    header[10:12] = bytes(2)
    header[10:12] = checksum(bytes(header)).to_bytes(2, "big")
    return addresses + frame[12:14] + bytes(header) + frame[end:]


def difference(expected: bytes, seen: bytes) -> str:
    """Return which fields of the frame *seen* are not those of *expected*; empty when all are equal."""
    if seen == expected:
        return ""
    fields = [name for name, place in _FIELDS.items() if expected[place] != seen[place]]
    return ", ".join(fields or ["what follows the ports"])
