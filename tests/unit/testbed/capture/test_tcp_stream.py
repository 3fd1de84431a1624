"""Which octets of a connection's direction a segment may carry."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from testbed.capture.tcp_stream import FIN, Piece, Stream

from ....growth import check_growth

FIRST = 4_294_967_000  # the numbers wrap soon


def added(*pieces: tuple[int, bytes], flags: int = 0) -> tuple[str, Stream]:
    """What is said of the last one of *pieces*, each with its place."""
    stream, said = Stream(FIRST), ""
    for place, octets in pieces:
        said = stream.add(Piece((FIRST + place) % 2**32, flags, len(octets), octets))
    return said, stream


@pytest.mark.parametrize(
    ("pieces", "end"),
    [
        ([(0, b"abc"), (3, b"def")], 6),
        ([(0, b"abc"), (6, b"ghi"), (3, b"def")], 9),
        ([(0, b"abcdef"), (2, b"cd"), (4, b"efgh")], 8),
        ([(0, b"abc"), (2, b"")], 3),
        ([(0, b"abc"), (4, b"")], 3),
    ],
)
def test_octets_come_in_their_order_or_again(pieces: list[tuple[int, bytes]], end: int) -> None:
    said, stream = added(*pieces, flags=FIN)
    assert (said, stream.end, stream.ahead) == ("", end, {})


def test_octets_that_nothing_leads_to_stay_ahead() -> None:
    assert added((0, b"abc"), (4, b"e"))[1].ahead == {4: 5}


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ([(0, b"abcdef"), (4, b"xx")], ", with other octets than were there before"),
        ([(0, b"abc"), (0, b"abcdef"), (3, b"xx")], ", with other octets than were there before"),
        ([(4, b"efgh"), (2, b"cdex")], ", with other octets than were there before"),
        ([(0, b"abc"), (-3, b"xyz")], ", with octets from before its connection"),
        ([(0, b"abc"), (9, b"")], ", at no place of its connection"),
    ],
)
def test_what_is_of_no_place_is_told(pieces: list[tuple[int, bytes]], said: str) -> None:
    assert added(*pieces)[0] == said


def test_numbers_wrap_as_often_as_need_be() -> None:
    stream = Stream(FIRST)
    for place in range(0, 10 * 2**30, 2**30):
        assert stream.add(Piece((FIRST + place) % 2**32, 0, 2**30, b"abc")) == ""
    assert (stream.end, stream.ahead) == (10 * 2**30, {})


ORDERS: dict[str, Callable[[int], list[int]]] = {
    "in order": lambda size: [100 * number for number in range(size)],
    "each behind a gap": lambda size: [200 * number + 1 for number in range(size)],
    "each once more": lambda size: [100 * number for number in range(size // 2)] * 2,
    "the last first": lambda size: [100 * number for number in reversed(range(size))],
}


@pytest.mark.asyncio
@pytest.mark.parametrize("order", ORDERS)
async def test_time_grows_with_the_segments_and_no_faster(order: str) -> None:
    async def spend(size: int) -> float:
        stream, places = Stream(FIRST), ORDERS[order](size)
        begun = time.process_time()
        for place in places:
            stream.add(Piece((FIRST + place) % 2**32, 0, 100, bytes(100)))
        return time.process_time() - begun

    await check_growth(order, spend, 20_000)
