"""Read capture files: a generator over one classic pcap file, in either byte order, micro- or nanoseconds."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
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
ETHERNET = 1


class Frame(NamedTuple):
    """One captured frame: *timestamp* in seconds since the epoch, *data* from the Ethernet header on."""

    timestamp: float
    data: bytes


class TruncatedCapture(ValueError):
    """Frames or the file itself were cut, so that looking for something in them proves nothing."""


def read_frames(path: Path | str) -> Iterator[Frame]:
    """Yield the frames of the finished pcap file *path* in order.

    Raises ValueError when the file is no classic pcap of Ethernet frames, and :class:`TruncatedCapture` behind the last
    whole frame when the file ends in the middle of one.
    """
    for timestamp, data, _ in _finished(Path(path)):
        yield Frame(timestamp, data)


def count_frames(path: Path | str) -> tuple[int, int]:
    """Return how many whole frames *path* holds so far, and how many of them were cut at the snapshot length."""
    total = cut = 0
    for _, data, length in _records(Path(path)):
        total += 1
        cut += len(data) < length
    return total, cut


def find_bytes(path: Path | str, needle: bytes) -> list[Frame]:
    """Return the frames of the finished capture *path* that contain *needle*; see :func:`find_each`."""
    return find_each(path, [needle])[0]


def find_each(path: Path | str, needles: Sequence[bytes]) -> list[list[Frame]]:
    """Return, for each of *needles*, the frames of the finished capture *path* that contain it.

    Raises :class:`TruncatedCapture` when one of them is in none but some were cut, and always when the file ends in the
    middle of a frame: what is not there would prove nothing.
    """
    found: list[list[Frame]] = [[] for _ in needles]
    cut = 0
    for timestamp, data, length in _finished(Path(path)):
        cut += len(data) < length
        for frames, needle in zip(found, needles, strict=True):
            if needle in data:
                frames.append(Frame(timestamp, data))
    if cut and not all(found):
        raise TruncatedCapture(f"{path}: {cut} frames are longer than the capture's snapshot length")
    return found


def seen_so_far(path: Path | str, needle: bytes) -> bool:
    """Tell whether *needle* is in a frame that a running capture has written to *path* by now."""
    return any(needle in data for _, data, _ in _records(Path(path)))


def _finished(path: Path) -> Iterator[tuple[float, bytes, int]]:
    """Yield the records of a file that nobody writes to any more: it must end where a record does."""
    end = _FILE_HEADER
    for timestamp, data, length in _records(path):
        end += _RECORD_HEADER + len(data)
        yield timestamp, data, length
    if left := path.stat().st_size - end:
        raise TruncatedCapture(f"{path} ends in the middle of a frame, {left} octets after the last whole one")


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
