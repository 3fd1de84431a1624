"""Fragments that never make up a datagram, in any number."""

from __future__ import annotations

import time
import tracemalloc
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


def test_few_wait_for_others_at_a_time() -> None:
    """Those that wait longest are let go when there are more than the kernel itself would keep."""
    first = part(0, more=True, body=bytes(1480))
    many = (first[:4] + number.to_bytes(2, "big") + first[6:] for number in range(20_000))
    tracemalloc.start()
    assert sum(1 for _ in reassemble(many)) == 20_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 << 20


def test_a_datagram_in_a_flood_of_others_fragments_is_put_together() -> None:
    pieces = [bytes(piece) for piece in fragment(IP(WHOLE), fragsize=32)]
    flood = [part(0, more=True, body=bytes(1480), number=1000 + number) for number in range(1500)]
    seen = list(reassemble([pieces[0], *flood, *pieces[1:]]))
    assert [packet[20:] for packet in seen if len(packet) == len(WHOLE)] == [WHOLE[20:]]
    assert len(seen) == 1 + len(flood)


def test_a_fragment_whose_others_are_lost_joins_none_of_a_later_packet() -> None:
    """Every 65,536th packet has its identification again."""
    lost, other = part(1, more=False, body=b"lost"), part(0, more=False, number=9)
    first, last = part(0, more=True), part(1, more=False, body=b"sent")
    seen = list(reassemble([lost, *[other] * 40_000, first, last]))
    assert seen[:-1] == [*[other] * 40_000, lost]
    assert seen[-1][20:] == b"12345678sent"


def test_parts_of_more_than_a_packet_can_have_are_no_datagram() -> None:
    offsets = range(0, 65_536 // 8, 185)
    parts = [part(offset, more=offset != offsets[-1], body=bytes(1480)) for offset in offsets]
    assert list(reassemble(parts)) == parts
