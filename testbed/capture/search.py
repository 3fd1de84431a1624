"""Find octets in the frames of a capture file: once through the file, however many are looked for."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from testbed.capture.pcap import Frame, TruncatedCapture, records

_WORDS: tuple[tuple[int, Literal["Q", "I", "H", "B"]], ...] = ((8, "Q"), (4, "I"), (2, "H"), (1, "B"))
"""Octets of a word, and its name in a memoryview."""


class Needles:
    """Octet strings that are looked for in frames, found by their machine words (8, 4, 2 or 1 octets).

    Wherever a needle lies in a frame, a word of it lies at a multiple of the word's size; one in *stride* of these
    words is enough when needles are so long. So each needle is known by its words at every offset, and of a frame only
    each *stride*-th word is looked at.
    """

    def __init__(self, needles: Sequence[bytes]) -> None:
        """Take *needles*. Raises ValueError for an empty one."""
        self._needles = needles
        self._shortest = shortest = min(map(len, needles), default=1)
        if not shortest:
            raise ValueError("nothing to look for: an empty string is in every frame")
        self._size, self._word = next((size, word) for size, word in _WORDS if shortest >= 2 * size - 1)
        self._stride = (shortest - self._size + 1) // self._size
        self._by_word: dict[int, set[int]] = defaultdict(set)
        for number, needle in enumerate(needles):
            for offset in range(self._stride * self._size):
                word = needle[offset : offset + self._size]
                self._by_word[int.from_bytes(word, sys.byteorder)].add(number)
        self._words = frozenset(self._by_word)

    def inside(self, data: bytes) -> list[int]:
        """Return the places of those needles that are in *data*."""
        if len(data) < self._shortest:
            return []
        words = memoryview(data)[: len(data) // self._size * self._size].cast(self._word)[:: self._stride]
        if self._words.isdisjoint(words):
            return []
        candidates = {number for word in words for number in self._by_word.get(word, ())}
        return [number for number in candidates if self._needles[number] in data]


def find_bytes(path: Path | str, needle: bytes) -> list[Frame]:
    """Return the frames of the finished capture *path* that contain *needle*; see :func:`find_each`."""
    return find_each(path, [needle])[0]


def find_each(path: Path | str, needles: Sequence[bytes]) -> list[list[Frame]]:
    """Return, for each of *needles*, the frames of the finished capture *path* that contain it.

    Raises :class:`TruncatedCapture` when one of them is in none but some were cut, and always when the file ends in the
    middle of a frame: what is not there would prove nothing.
    """
    found: list[list[Frame]] = [[] for _ in needles]
    inside, cut = Needles(needles).inside, 0
    for timestamp, data, length in records(path):
        cut += len(data) < length
        for number in inside(data):
            found[number].append(Frame(timestamp, data))
    if cut and not all(found):
        raise TruncatedCapture(f"{path}: {cut} frames are longer than the capture's snapshot length")
    return found


def count_each(path: Path | str, needles: Sequence[bytes]) -> list[int]:
    """Return how many frames of the finished capture *path* hold each of *needles* in the part that was captured.

    For what stands near the start of frames: that others are cut proves nothing against it, see :func:`find_each`.
    """
    found, inside = [0] * len(needles), Needles(needles).inside
    for _, data, _ in records(path):
        for number in inside(data):
            found[number] += 1
    return found


def seen_so_far(path: Path | str, needle: bytes) -> bool:
    """Tell whether *needle* is in a frame that a running capture has written to *path* by now; see :func:`records`."""
    return any(needle in data for _, data, _ in records(path, finished=False))
