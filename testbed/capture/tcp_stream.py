"""One direction of a TCP connection, as its segments show it on a wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple

FIN = 1
_NUMBERS, _BLOCK = 1 << 32, 2048


class Piece(NamedTuple):
    """What a segment carries: *length* octets, of which *seen* were captured.

    *number* is the sequence number of the first one (RFC 9293, 3.4), *flags* are those of the TCP header.
    """

    number: int
    flags: int
    length: int
    seen: bytes


@dataclass
class Stream:
    """The octets from the sequence number *first* on: *end* of them without a gap, and others beyond one.

    *ahead* has these: the place of the first octet of each run of them → the place behind its last one. A place is how
    many octets stand before it. What was captured is kept, so that an octet which comes again can be compared.
    """

    first: int
    end: int = 0
    ahead: dict[int, int] = field(default_factory=dict)
    _next: list[int] = field(default_factory=list)  # a heap of the places in `ahead`
    _last: int = 0
    _seen: dict[int, dict[int, bytes]] = field(default_factory=dict)  # block → place → octets
    _longest: int = 0

    def place(self, number: int) -> int:
        """Return how many octets stand before the one of that number; less than 0 before the first one."""
        half = _NUMBERS // 2
        return self.end + (number - self.first - self.end + half) % _NUMBERS - half

    def add(self, piece: Piece) -> str:
        """Take in what a segment carries; return what is wrong with it, as the end of a sentence; empty: nothing is."""
        place = self.place(piece.number)
        if not piece.length:
            # One less keeps a connection alive, one more is behind a FIN.
            return "" if -1 <= place <= self._last + 1 else ", at no place of its connection"
        if place < 0:
            return ", with octets from before its connection"
        if self._differs(place, piece.seen):
            return ", with other octets than were there before"
        self._remember(place, piece)
        while self._next and self._next[0] <= self.end:
            self.end = max(self.end, self.ahead.pop(heappop(self._next)))
        return ""

    def _remember(self, place: int, piece: Piece) -> None:
        self._last = max(self._last, place + piece.length)
        if place not in self.ahead:
            heappush(self._next, place)
        self.ahead[place] = max(self.ahead.get(place, 0), place + piece.length)
        block = self._seen.setdefault(place // _BLOCK, {})
        block[place] = max(block.get(place, b""), piece.seen, key=len)
        self._longest = max(self._longest, len(piece.seen))

    def _differs(self, place: int, octets: bytes) -> bool:
        """Tell whether some of *octets* were seen before, and were others."""
        for block in range((place - self._longest) // _BLOCK, (place + len(octets)) // _BLOCK + 1):
            for start, known in self._seen.get(block, {}).items():
                low, high = max(start, place), min(start + len(known), place + len(octets))
                if low < high and known[low - start : high - start] != octets[low - place : high - place]:
                    return True
        return False
