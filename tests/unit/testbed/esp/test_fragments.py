"""Fragments that never make up a datagram, in any number."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from scapy.layers.inet import IP, UDP, fragment
from scapy.packet import Raw

from testbed.esp.fragments import reassemble

from ....growth import check_growth

WHOLE = bytes(IP(src="198.51.100.1", dst="198.51.100.2", id=7) / UDP(sport=1, dport=2) / Raw(bytes(range(100))))


def part(offset: int, *, more: bool, body: bytes = b"12345678", number: int = 7) -> bytes:
    """A fragment at *offset*, in units of 8 octets."""
    head = IP(src="198.51.100.1", dst="198.51.100.2", id=number, proto=17, frag=offset, flags="MF" if more else 0)
    return bytes(head / Raw(body))


FLOODS: dict[str, Callable[[int], bytes]] = {
    "the first again and again": lambda _number: part(0, more=True),
    "all but the first": lambda number: part(1 + number % 8000, more=True),
    "overlapping": lambda number: part(2 * (number % 4000), more=True, body=bytes(24)),
    "the last again and again, longer and shorter": lambda number: part(1, more=False, body=bytes(8 + number % 9)),
    "beginnings of many": lambda number: part(0, more=True, number=number % 65536),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("name", FLOODS)
async def test_time_grows_with_their_number_and_no_faster(name: str) -> None:
    made = {size: [FLOODS[name](number) for number in range(size)] for size in (4_000, 16_000)}

    async def spend(size: int) -> float:
        begun = time.perf_counter()
        assert len(list(reassemble(made[size]))) == size
        return time.perf_counter() - begun

    await check_growth(name, spend, 4_000)


def test_parts_that_overlap_are_no_datagram() -> None:
    parts = [part(0, more=True, body=bytes(16)), part(1, more=True), part(3, more=False)]
    assert list(reassemble(parts)) == parts


def test_a_part_that_comes_twice_does_no_harm() -> None:
    first, *others = [bytes(piece) for piece in fragment(IP(WHOLE), fragsize=32)]
    (joined,) = reassemble([first, first, *others])
    assert joined[20:] == WHOLE[20:]
