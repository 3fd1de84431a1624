"""Read capture files: a generator over one classic pcap file, in either byte order, micro- or nanoseconds.

A file is read in pieces of a fixed size, so that it may be larger than the memory.
"""

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
_OTHERS = {  # first octets of files that are taken for one: what they are, and how a pcap is made of them
    b"\x0a\x0d\x0d\x0a": ("a pcapng file", "tcpdump -r {} -w capture.pcap"),
    b"\x34\xcd\xb2\xa1": ("a pcap file with longer records", "tcpdump -r {} -w capture.pcap"),
    b"\xa1\xb2\xcd\x34": ("a pcap file with longer records", "tcpdump -r {} -w capture.pcap"),
    b"\x1f\x8b": ("compressed by gzip", "gzip -dc {} | tcpdump -r - -w capture.pcap"),
    b"\x28\xb5\x2f\xfd": ("compressed by zstd", "zstd -dc {} | tcpdump -r - -w capture.pcap"),
    b"\xfd7zXZ": ("compressed by xz", "xz -dc {} | tcpdump -r - -w capture.pcap"),
    b"BZh": ("compressed by bzip2", "bzip2 -dc {} | tcpdump -r - -w capture.pcap"),
}
_FILE_HEADER, _RECORD_HEADER = 24, 16
_PIECE = 1 << 18
_LONGEST = 262_144
"""Octets of the longest frame that libpcap writes or reads (MAXIMUM_SNAPLEN)."""
ETHERNET = 1


class Frame(NamedTuple):
    """One captured frame: *timestamp* in seconds since the epoch, *data* from the Ethernet header on."""

    timestamp: float
    data: bytes


class TruncatedCapture(ValueError):
    """Frames or the file itself were cut or damaged, so that looking for something in them proves nothing."""


def read_frames(path: Path | str) -> Iterator[Frame]:
    """Yield the frames of the finished pcap file *path* in order.

    Raises ValueError when the file is no classic pcap of Ethernet frames, and :class:`TruncatedCapture` behind the last
    whole frame when the file ends in the middle of one or what follows is none.
    """
    new = tuple.__new__  # a third of the time that the class itself takes
    for timestamp, data, _ in records(path):
        yield new(Frame, (timestamp, data))


def frames_so_far(path: Path | str) -> Iterator[Frame]:
    """Yield the whole frames that a running capture has written to *path* by now; see :func:`records`."""
    return (Frame(timestamp, data) for timestamp, data, _ in records(path, finished=False))


def count_frames(path: Path | str) -> tuple[int, int]:
    """Return how many whole frames *path* holds so far, and how many of them were cut at the snapshot length.

    Raises as :func:`records`.
    """
    total = cut = 0
    for _, data, length in records(path, finished=False):
        total += 1
        cut += len(data) < length
    return total, cut


def records(path: Path | str, *, finished: bool = True) -> Iterator[tuple[float, bytes, int]]:
    """Yield time stamp (seconds since the epoch), captured octets and length on the wire of each frame in *path*.

    A file that is not *finished* may end in the middle of a frame, which is left out. Raises OSError, and as
    :func:`read_frames`.
    """
    with Path(path).open("rb") as file:
        order, fraction = _header(path, file.read(_FILE_HEADER))
        unpack, rest = struct.Struct(order + "IIII").unpack_from, b""
        while piece := file.read(_PIECE):
            content = rest + piece
            offset, size = 0, len(content)
            while (start := offset + _RECORD_HEADER) <= size:
                seconds, part, stored, length = unpack(content, offset)
                if not 0 < stored <= length or stored > _LONGEST:
                    place = file.tell() - size + offset
                    raise TruncatedCapture(f"{path} is damaged: there is no frame of {stored} octets at octet {place}")
                end = start + stored
                if end > size:
                    break
                yield seconds + part * fraction, content[start:end], length
                offset = end
            rest = content[offset:]
    if rest and finished:
        raise TruncatedCapture(f"{path} ends in the middle of a frame, {len(rest)} octets after the last whole one")


def _header(path: Path | str, content: bytes) -> tuple[str, float]:
    for magic, (kind, remedy) in _OTHERS.items():
        if content.startswith(magic):
            raise ValueError(f"{path} is not a pcap file but {kind}: {remedy.format(path)} makes it one")
    if len(content) < _FILE_HEADER or content[:4] not in _MAGICS:
        raise ValueError(f"{path} is not a pcap file")
    order, fraction = _MAGICS[content[:4]]
    (link_type,) = struct.unpack_from(order + "I", content, 20)
    if link_type & 0xFFFF != ETHERNET:
        raise ValueError(f"{path} holds frames of link type {link_type}, not Ethernet")
    return order, fraction
