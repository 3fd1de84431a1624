"""Read capture files: a generator over one classic pcap file, in either byte order, micro- or nanoseconds."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_MAGICS = {  # first four bytes: byte order, fractions of a second
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
    b"\xa1\xb2\xc3\xd4": (">", 1e-6),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9),
}
_FILE_HEADER = 24
ETHERNET = 1


class Frame(NamedTuple):
    """One captured frame: *timestamp* in seconds since the epoch, *data* from the Ethernet header on."""

    timestamp: float
    data: bytes


class TruncatedCapture(ValueError):
    """Frames were cut at the snapshot length, so that looking for bytes in them proves nothing."""


def read_frames(path: Path | str) -> Iterator[Frame]:
    """Yield the frames of the pcap file *path* in order; a half-written last record (live file) ends it.

    Raises ValueError when the file is no classic pcap of Ethernet frames.
    """
    for timestamp, data, _ in _records(Path(path)):
        yield Frame(timestamp, data)


def count_frames(path: Path | str) -> tuple[int, int]:
    """Return how many frames *path* holds, and how many of them were cut at the snapshot length."""
    total = cut = 0
    for _, data, length in _records(Path(path)):
        total += 1
        cut += len(data) < length
    return total, cut


def find_bytes(path: Path | str, needle: bytes) -> list[Frame]:
    """Return the frames of *path* that contain *needle*.

    Raises :class:`TruncatedCapture` when none does but some were cut: their absence would prove nothing.
    """
    found, cut = [], 0
    for timestamp, data, length in _records(Path(path)):
        if needle in data:
            found.append(Frame(timestamp, data))
        cut += len(data) < length
    if cut and not found:
        raise TruncatedCapture(f"{path}: {cut} frames are longer than the capture's snapshot length")
    return found


def _records(path: Path) -> Iterator[tuple[float, bytes, int]]:
    content = path.read_bytes()
    order, fraction = _header(path, content)
    record = struct.Struct(order + "IIII")
    offset = _FILE_HEADER
    while offset + record.size <= len(content):
        seconds, part, stored, length = record.unpack_from(content, offset)
        start = offset + record.size
        offset = start + stored
        if offset > len(content):
            return
        yield seconds + part * fraction, content[start:offset], length


def _header(path: Path, content: bytes) -> tuple[str, float]:
    if len(content) < _FILE_HEADER or content[:4] not in _MAGICS:
        raise ValueError(f"{path} is not a pcap file")
    order, fraction = _MAGICS[content[:4]]
    (link_type,) = struct.unpack_from(order + "I", content, 20)
    if link_type & 0xFFFF != ETHERNET:
        raise ValueError(f"{path} holds frames of link type {link_type}, not Ethernet")
    return order, fraction
