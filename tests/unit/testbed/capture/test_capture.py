"""Capture files and tcpdump's counters, from recorded texts and files made octet by octet."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest

from testbed.capture import (
    TruncatedCapture,
    count_frames,
    find_bytes,
    find_each,
    frames_so_far,
    read_frames,
    seen_so_far,
)
from testbed.capture.messages import Counters, last_answer, last_counters
from testbed.esp import count_capture

ORDERS = {  # name: byte order, magic, fraction of a second
    "little, nanoseconds": ("<", 0xA1B23C4D, 1e-9),
    "big, nanoseconds": (">", 0xA1B23C4D, 1e-9),
    "little, microseconds": ("<", 0xA1B2C3D4, 1e-6),
    "big, microseconds": (">", 0xA1B2C3D4, 1e-6),
}


def _file(
    path: Path, frames: list[tuple[bytes, int]], order: str = "<", magic: int = 0xA1B23C4D, link: int = 1
) -> Path:
    content = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 2048, link)
    for number, (data, length) in enumerate(frames):
        content += struct.pack(order + "IIII", 1000 + number, 500, len(data), length) + data
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", list(ORDERS))
def test_every_kind_of_pcap_file_is_read(name: str, tmp_path: Path) -> None:
    order, magic, fraction = ORDERS[name]
    path = _file(tmp_path / "a.pcap", [(b"first", 5), (b"second", 6)], order, magic)
    frames = list(read_frames(path))
    assert [frame.data for frame in frames] == [b"first", b"second"]
    assert frames[1].timestamp == pytest.approx(1001 + 500 * fraction, abs=1e-9)


@pytest.mark.parametrize("cut", [1, 3, 6, 10, 21])
def test_a_file_that_is_still_being_written_ends_at_its_last_whole_frame(cut: int, tmp_path: Path) -> None:
    path = _file(tmp_path / "a.pcap", [(b"first", 5), (b"second", 6)])
    path.write_bytes(path.read_bytes()[:-cut])
    assert count_frames(path) == (1, 0)
    assert [frame.data for frame in frames_so_far(path)] == [b"first"]
    assert seen_so_far(path, b"first")
    assert not seen_so_far(path, b"second")


@pytest.mark.parametrize("cut", [1, 3, 6, 10, 21])
def test_a_finished_file_that_is_cut_proves_nothing(cut: int, tmp_path: Path) -> None:
    path = _file(tmp_path / "a.pcap", [(b"first", 5), (b"second", 6)])
    path.write_bytes(path.read_bytes()[:-cut])
    for needle in (b"first", b"second"):
        with pytest.raises(TruncatedCapture, match=f"ends in the middle of a frame, {22 - cut} octets after"):
            find_bytes(path, needle)
    with pytest.raises(TruncatedCapture):
        count_capture(path)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("stored", "length"),
    [(0, 0), (0, 60), (61, 60), (262_145, 262_145), (0x7FFFFFFF, 0x7FFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF)],
)
def test_what_is_no_frame_in_a_file_is_damage(stored: int, length: int, order: str, tmp_path: Path) -> None:
    """As where blocks of zeros stand in it after a crash: behind them, nothing is known."""
    path = _file(tmp_path / "a.pcap", [(b"first", 5), (b"second", 6)], order)
    content = bytearray(path.read_bytes())
    struct.pack_into(order + "II", content, 24 + 21 + 8, stored, length)
    path.write_bytes(content + bytes(1 << 20))
    for read in (lambda: list(read_frames(path)), lambda: count_frames(path), lambda: count_capture(path)):
        with pytest.raises(TruncatedCapture, match=f"is damaged: there is no frame of {stored} octets at octet 45"):
            read()
    with pytest.raises(TruncatedCapture):
        find_bytes(path, b"first")
    with pytest.raises(TruncatedCapture):
        seen_so_far(path, b"second")
    assert seen_so_far(path, b"first")


@pytest.mark.parametrize("size", [1, 60, 1514, 65_549, 262_144])
def test_frames_are_whole_wherever_the_file_is_cut_into_pieces(size: int, tmp_path: Path) -> None:
    sizes = [size - number % min(size, 3) for number in range(3_000_000 // (size + 200))]
    path = _file(tmp_path / "a.pcap", [(bytes([number % 256]) * size, size) for number, size in enumerate(sizes)])
    frames = [frame.data for frame in read_frames(path)]
    assert frames == [bytes([number % 256]) * size for number, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x0a\x0d\x0d\x0a" + bytes(40), "but a pcapng file: tcpdump -r .*a.pcap -w capture.pcap makes it one"),
        (gzip.compress(bytes(40)), "but compressed by gzip: gzip -dc .*a.pcap | tcpdump -r - -w capture.pcap"),
        (b"\x28\xb5\x2f\xfd" + bytes(40), "but compressed by zstd"),
        (b"\x34\xcd\xb2\xa1" + bytes(40), "but a pcap file with longer records"),
    ],
    ids=["pcapng", "gzip", "zstd", "modified"],
)
def test_a_file_that_can_be_made_a_pcap_is_named(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(content)
    for read in (lambda: find_bytes(path, b"x"), lambda: count_frames(path), lambda: count_capture(path)):
        with pytest.raises(ValueError, match=words):
            read()


@pytest.mark.parametrize("content", [b"", b"not a capture file, but long enough to be one"])
def test_another_kind_of_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a pcap file"):
        list(read_frames(path))


def test_frames_of_another_link_type_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="link type 113"):
        list(read_frames(_file(tmp_path / "a.pcap", [], link=113)))


def test_bytes_are_found_where_they_are_and_nowhere_else(tmp_path: Path) -> None:
    path = _file(tmp_path / "a.pcap", [(b"..canary..", 10), (b"nothing", 7), (b"canary", 6)])
    assert [frame.timestamp for frame in find_bytes(path, b"canary")] == pytest.approx([1000.0000005, 1002.0000005])
    assert find_bytes(path, b"absent") == []
    found = find_each(path, [b"nothing", b"absent", b"canary", b"n"])
    assert [[frame.data for frame in frames] for frames in found] == [
        [b"nothing"], [], [b"..canary..", b"canary"], [b"..canary..", b"nothing", b"canary"]
    ]  # fmt: skip


def test_absence_in_a_cut_capture_is_no_proof(tmp_path: Path) -> None:
    path = _file(tmp_path / "a.pcap", [(b"head of a long frame", 9000)])
    assert count_frames(path) == (1, 1)
    assert len(find_bytes(path, b"head")) == 1
    with pytest.raises(TruncatedCapture, match="1 frames are longer"):
        find_bytes(path, b"canary")
    with pytest.raises(TruncatedCapture, match="1 frames are longer"):
        find_each(path, [b"head", b"canary"])


LISTENING = "tcpdump: listening on pb0, link-type EN10MB (Ethernet), snapshot length 2048 bytes\n"
ASKED = "tcpdump: 10 packets captured, 12 packets received by filter, 0 packets dropped by kernel\n"
ENDED = "11 packets captured\n12 packets received by filter\n1 packet dropped by kernel\n"


@pytest.mark.parametrize(
    ("text", "answer", "counters"),
    [
        (LISTENING, None, None),
        (LISTENING + ASKED, Counters(10, 12, 0), None),
        (LISTENING + ASKED + ASKED.replace("10", "11"), Counters(11, 12, 0), None),
        (LISTENING + ASKED + ENDED, Counters(10, 12, 0), Counters(11, 12, 1)),
        (LISTENING + ENDED, None, Counters(11, 12, 1)),
        (LISTENING + ASKED[:50], None, None),
        (LISTENING + ENDED[:40], None, None),
        (
            "1 packet captured\n1 packet received by filter\n0 packets dropped by kernel\n",
            None,
            Counters(1, 1, 0),
        ),
    ],
)
def test_answers_and_last_counters_are_told_apart(
    text: str, answer: Counters | None, counters: Counters | None
) -> None:
    assert (last_answer(text), last_counters(text)) == (answer, counters)
