"""Capture files that tests make."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

HEADER = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65549, 1)


def record(data: bytes, number: int = 0, length: int = 0) -> bytes:
    """A frame as it stands in a file; *length* is its own on the wire if it was cut."""
    return struct.pack("<IIII", 1000 + number, 500, len(data), length or len(data)) + data


def write(path: Path, frames: Iterable[bytes]) -> Path:
    """A capture of whole frames."""
    with path.open("wb") as file:
        file.write(HEADER)
        for number, data in enumerate(frames):
            file.write(record(data, number))
    return path


def write_long(path: Path, frame: bytes, octets: int) -> Path:
    """A capture of about *octets*, of frames that begin like *frame* and are zeros to the longest there may be.

    Each has another source address. The zeros take no room on the disk.
    """
    with path.open("wb") as file:
        file.write(HEADER)
        for number in range(octets // 65_565):
            begin = frame[:6] + number.to_bytes(6, "big") + frame[12:]
            file.write(record(begin.ljust(65_549, b"\0"), number)[: 16 + len(frame)])
            file.seek(65_549 - len(frame), 1)
        file.truncate()
    return path
