"""Octets that are looked for are found wherever they are, as Python itself finds them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from testbed.capture import find_each
from testbed.capture.search import Needles

from .pcap_files import write


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8, 14, 15, 16, 31, 32, 33, 100])
def test_a_needle_is_found_at_every_place_of_a_frame(size: int) -> None:
    chance = random.Random(size)  # noqa: S311
    needle, other = chance.randbytes(size), chance.randbytes(size + 9)
    inside = Needles([other, needle]).inside
    for before in range(70):
        for after in (0, 1, 7, 8, 50):
            assert 1 in inside(bytes(before) + needle + bytes(after))
            assert inside(bytes(before + 1) + bytes(after)) in ([], [1] if needle == b"\0" else [])


def test_what_is_found_is_what_each_frame_holds(tmp_path: Path) -> None:
    chance = random.Random(7)  # noqa: S311
    letters = [bytes(chance.choices(b"ab", k=chance.randrange(1, 60))) for _ in range(400)]
    path = write(tmp_path / "a.pcap", letters)
    for longest in (1, 2, 5, 12, 20):
        needles = [bytes(chance.choices(b"ab", k=chance.randrange(1, longest + 1))) for _ in range(30)]
        found = [[frame.data for frame in frames] for frames in find_each(path, needles)]
        assert found == [[data for data in letters if needle in data] for needle in needles]


def test_needles_that_begin_or_end_alike_are_told_apart(tmp_path: Path) -> None:
    needles = [bytes(40) + bytes([number]) + bytes(40) for number in range(1, 200)]
    path = write(tmp_path / "a.pcap", [b"x" + needle for needle in reversed(needles)])
    assert [[frame.data[1:] for frame in frames] for frames in find_each(path, needles)] == [[it] for it in needles]


def test_nothing_is_no_needle() -> None:
    with pytest.raises(ValueError, match="an empty string is in every frame"):
        Needles([b"canary", b""])
    assert Needles([]).inside(b"frame") == []
