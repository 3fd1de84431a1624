"""One direction of a TCP connection, as its segments show it on a wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

FIN = 1
_NUMBERS = 1 << 32


class Piece(NamedTuple):
    """What a segment carries: *number* is that of its first octet of *length*, of which *seen* was captured."""

    number: int
    flags: int
    length: int
    seen: bytes


@dataclass
class Stream:
    """The octets from the number *first* on: *end* of them without a gap, and others *ahead* of one, by their place."""

    first: int
    end: int = 0
    ahead: dict[int, int] = field(default_factory=dict)
    _seen: dict[int, bytes] = field(default_factory=dict)

    def place(self, number: int) -> int:
        """Return how many octets stand before the one of that number; less than 0 before the first one."""
        half = _NUMBERS // 2
        return self.end + (number - self.first - self.end + half) % _NUMBERS - half

    def add(self, piece: Piece) -> str:
        """Take in what a segment carries; return what is wrong with it, empty when nothing is."""
        place = self.place(piece.number)
        if not piece.length:
            # One less keeps a connection alive, one more is behind a FIN.
            return "" if -1 <= place <= max([self.end, *self.ahead.values()]) + 1 else ", at no place of its connection"
        if place < 0:
            return ", with octets from before its connection"
        if self._differs(place, piece.seen):
            return ", with other octets than were there before"
        self._seen.setdefault(place, piece.seen)
        self.ahead[place] = max(self.ahead.get(place, 0), place + piece.length)
        for start in sorted(self.ahead):
            if start <= self.end:
                self.end = max(self.end, self.ahead.pop(start))
        return ""

    def _differs(self, place: int, octets: bytes) -> bool:
        """Tell whether some of *octets* were seen before, and were others."""
        last = max([self.end, *self.ahead.values()])
        for start, known in self._seen.items() if place < last else ():
            low, high = max(start, place), min(start + len(known), place + len(octets))
            if low < high and known[low - start : high - start] != octets[low - place : high - place]:
                return True
        return False
