"""Put IPv4 fragments together (RFC 791, 3.2), so that a large ESP packet is judged and opened as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_MORE = 0x2000
_OFFSET = 0x1FFF


def reassemble(packets: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the IPv4 *packets* in order, each set of fragments as one packet once its last part is there.

    Fragments that never become whole are yielded at the end as they came. The length and the fragment fields of a
    put-together packet are set; its header checksum is left alone.
    """
    waiting: dict[bytes, list[bytes]] = {}
    for packet in packets:
        if not int.from_bytes(packet[6:8], "big") & (_MORE | _OFFSET):
            yield packet
            continue
        key = packet[4:6] + packet[9:10] + packet[12:20]
        parts = waiting.setdefault(key, [])
        parts.append(packet)
        if whole := _join(parts):
            del waiting[key]
            yield whole
    for parts in waiting.values():
        yield from parts


def _join(parts: list[bytes]) -> bytes | None:
    """Return the packet that *parts* make up, None while some are missing."""
    bodies = {_offset(part): part[_header(part) :] for part in parts}
    last = [_offset(part) for part in parts if not int.from_bytes(part[6:8], "big") & _MORE]
    body = b""
    while len(body) in bodies and bodies[len(body)]:
        body += bodies[len(body)]
    if 0 not in bodies or not last or len(body) != last[0] + len(bodies[last[0]]):
        return None
    first = next(part for part in parts if _offset(part) == 0)
    size = _header(first)
    return first[:2] + (size + len(body)).to_bytes(2, "big") + first[4:6] + bytes(2) + first[8:size] + body


def _offset(packet: bytes) -> int:
    return (int.from_bytes(packet[6:8], "big") & _OFFSET) * 8


def _header(packet: bytes) -> int:
    return (packet[0] & 0x0F) * 4
