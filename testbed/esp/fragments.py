"""Put IPv4 fragments together (RFC 791, 3.2), so that a large ESP packet is judged and opened as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from testbed.esp.wire import is_fragment

_MORE = 0x2000
_OFFSET = 0x1FFF
_LONGEST = 0xFFFF
_MAX_HELD, _OVERHEAD = 4 << 20, 512
"""Octets of fragments that wait for others, as many as Linux lets wait (ipfrag_high_thresh), and what each takes beside
its own."""
_SOON = 1 << 15
"""Packets, half of those that a sender can tell apart (RFC 6864): what has lost its other parts joins no later ones."""


def reassemble(packets: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the IPv4 *packets* in order, each set of fragments as one packet once its last part is there.

    Fragments that never become whole are yielded as they came: at the end, when too many others wait as well, or before
    another packet can have their identification. The length and the fragment fields of a put-together packet are set;
    its header checksum is left alone.
    """
    waiting: dict[bytes, _Datagram] = {}
    held = 0
    for number, packet in enumerate(packets):
        if not is_fragment(packet):
            yield packet
            continue
        while waiting and (held > _MAX_HELD or number - _oldest(waiting).number > _SOON):
            oldest = waiting.pop(next(iter(waiting))).parts
            held -= sum(map(_cost, oldest))
            yield from oldest
        key = packet[4:6] + packet[9:10] + packet[12:20]
        datagram = waiting.setdefault(key, _Datagram(number))
        held += _cost(packet)
        if datagram.takes_shape(packet) and (whole := datagram.joined()):
            held -= sum(map(_cost, waiting.pop(key).parts))
            yield whole
    for datagram in waiting.values():
        yield from datagram.parts


def _oldest(waiting: dict[bytes, _Datagram]) -> _Datagram:
    return next(iter(waiting.values()))


def _cost(part: bytes) -> int:
    return len(part) + _OVERHEAD


@dataclass
class _Datagram:
    """The fragments of one, which began *number* packets into a capture: all *parts*, and the last of each offset."""

    number: int
    parts: list[bytes] = field(default_factory=list)
    by_offset: dict[int, bytes] = field(default_factory=dict)
    octets: int = 0
    end: int | None = None

    def takes_shape(self, part: bytes) -> bool:
        """Take *part*; tell whether all may be there now: as many octets as the last one says, by a new part."""
        offset, length = _offset(part), len(part) - _header(part)
        before = self.by_offset.get(offset)
        known = 0 if before is None else len(before) - _header(before)
        self.parts.append(part)
        self.by_offset[offset] = part
        self.octets += length - known
        if not int.from_bytes(part[6:8], "big") & _MORE:
            self.end = offset + length
        return self.octets == self.end and length != known

    def joined(self) -> bytes | None:
        """Return the packet that the parts make up, None when some overlap and others are missing, or it is none."""
        body = b""
        for offset, part in sorted(self.by_offset.items()):
            if offset != len(body):
                return None
            body += part[_header(part) :]
        first = self.by_offset[0]
        size = _header(first)
        if size + len(body) > _LONGEST:
            return None
        return first[:2] + (size + len(body)).to_bytes(2, "big") + first[4:6] + bytes(2) + first[8:size] + body


def _offset(packet: bytes) -> int:
    return (int.from_bytes(packet[6:8], "big") & _OFFSET) * 8


def _header(packet: bytes) -> int:
    return (packet[0] & 0x0F) * 4
