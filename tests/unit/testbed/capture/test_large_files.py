"""Time that grows with a file and no faster, and memory that does not grow with it, for all that reads captures."""

from __future__ import annotations

import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.judging import KEYS, LEFT, RIGHT, SPI, token
from scenarios.network.marks import stopped_others
from scenarios.network.underlay_audit import LinkEnds, traffic
from scenarios.network.wire import CaptureFile
from testbed.capture import count_frames, find_each, read_frames, seen_so_far
from testbed.esp import KeyRing, count_capture, open_each

from ....growth import check_growth
from .pcap_files import write, write_long

RING = KeyRing(KEYS)


def frame(protocol: int, body: bytes, *, identity: int = 0, fragment: int = 0) -> bytes:
    """IPv4 between the gateways."""
    head = bytes([0x45, 0]) + (20 + len(body)).to_bytes(2, "big") + identity.to_bytes(2, "big")
    head += fragment.to_bytes(2, "big") + bytes([64, protocol, 0, 0, 198, 51, 100, 1, 198, 51, 100, 2])
    return bytes(12) + b"\x08\x00" + head + body


def kinds(number: int) -> bytes:
    """One frame of what links carry, and of what they should not."""
    body = SPI.to_bytes(4, "big") + number.to_bytes(4, "big") + bytes(60)
    udp = b"\x11\x94\x11\x94" + (8 + len(body)).to_bytes(2, "big") + bytes(2)
    frames = {
        0: bytes(12) + b"\x08\x06" + bytes(28),
        1: frame(6, token(number)),
        2: frame(50, body, identity=number & 0xFFFF, fragment=0x2000),
        3: frame(50, body, identity=number - 1 & 0xFFFF, fragment=len(body) // 8),
        4: bytes(12) + b"\x86\xdd" + bytes(40),
        5: frame(50, body),
    }
    return frames.get(number % 8) or frame(17, udp + body)


def _open(path: Path) -> None:
    for _ in open_each((frame.data for frame in read_frames(path)), RING, Counter()):
        pass


READERS: dict[str, Callable[[Path], object]] = {
    "read_frames": lambda path: sum(1 for _ in read_frames(path)),
    "count_frames": count_frames,
    "seen_so_far": lambda path: seen_so_far(path, token(-1)),
    "find_each": lambda path: find_each(path, [token(-number) for number in range(1, 100)]),
    "count_capture": count_capture,
    "open_each": _open,
    "stopped_others": lambda path: stopped_others([CaptureFile(file=path, name="a port")] * 2, []),
    "traffic": lambda path: traffic((frame.data for frame in read_frames(path)), LinkEnds.between((LEFT, RIGHT))),
}


def seconds(read: Callable[[Path], object], path: Path) -> float:
    begun = time.process_time()
    read(path)
    return time.process_time() - begun


@pytest.mark.asyncio
@pytest.mark.parametrize("name", READERS)
async def test_time_grows_with_the_frames_and_no_faster(name: str, tmp_path: Path) -> None:
    paths = {size: write(tmp_path / f"{size}.pcap", map(kinds, range(size))) for size in (30_000, 120_000)}

    async def spend(size: int) -> float:
        return seconds(READERS[name], paths[size])

    await check_growth(name, spend, 30_000)


@pytest.mark.parametrize("where", ["nowhere", "in the frames"])
def test_many_tokens_take_hardly_longer_than_a_few(where: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.pcap", map(kinds, range(20_000)))
    sign = -1 if where == "nowhere" else 1

    def spend(tokens: int) -> float:
        looked_for = [token(sign * number) for number in range(1, tokens + 1)]
        return min(seconds(lambda path: find_each(path, looked_for), path) for _ in range(3))

    few, many = spend(100), spend(4_000)
    assert many < 4 * few + 0.2, f"{few:.3f} s for 100 tokens, {many:.3f} s for 4,000"


MAX_MEMORY = 4 << 20
FRAMES = {
    "esp": kinds(5),
    "clear text": kinds(1),
    "fragments that never become whole": frame(50, bytes(8), fragment=0x2000),
}


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("name", READERS)
def test_memory_does_not_grow_with_the_file(name: str, kind: str, tmp_path: Path) -> None:
    path = write_long(tmp_path / "a.pcap", FRAMES[kind], 256 << 20)
    assert path.stat().st_size > 50 * MAX_MEMORY
    tracemalloc.start()
    READERS[name](path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MAX_MEMORY, f"{peak >> 20} MiB"
