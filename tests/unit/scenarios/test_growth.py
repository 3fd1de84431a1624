"""Time that grows with what others give, and no faster: the scripts of a sabotage, and what VNFs tell."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from scenarios.network import meters
from scenarios.network.drawn.allowed import ALL_PORTS, Allowed
from scenarios.prove import variables
from testbed.packets import Count

from ...growth import check_growth


def scanned(text: str) -> Callable[[], Any]:
    return lambda: variables.expanded(text)


def fragments(number: int) -> Callable[[], Any]:
    """Flows without ports, each between two ends of its own."""
    flows = {("udp", f"a{place}", "b", 0, 0): Count(1, 100) for place in range(number)}
    return lambda: meters.multiplied(flows, flows)


def drawn(number: int) -> Callable[[], Any]:
    places = Allowed({"udp": ALL_PORTS, "tcp": ALL_PORTS, "icmp": [0]}, 9)
    return lambda: places.draw(Random(1), number)  # noqa: S311  (the same each time)


SIZES: dict[str, tuple[Callable[[int], Callable[[], Any]], int]] = {
    "a script of many lines": (lambda number: scanned("echo abc\n" * number), 5_000),
    "a long word": (lambda number: scanned("x" * number), 40_000),
    "quotes in quotes": (lambda number: scanned('"$(' * number), 15_000),
    "here-documents": (lambda number: scanned("cat <<E\n$X\nE\n" * number), 5_000),
    "here-documents without an end": (lambda number: scanned("cat <<E\n$X\n" * number), 5_000),
    "here-documents in one line": (lambda number: scanned("<<a" * number), 15_000),
    "here-documents with a long word": (lambda number: scanned(f"<<{'a' * number}\n" + "b\n" * number), 15_000),
    "fragments of many": (fragments, 5_000),
    "a metric with a long label": (lambda number: lambda: meters.samples(f"a{{{'b' * number}}} 5"), 10_000),
    "drawn flows": (drawn, 5_000),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("name", SIZES)
async def test_time_grows_with_the_size_and_no_faster(name: str) -> None:
    make, size = SIZES[name]

    async def spend(size: int) -> float:
        work, begun = make(size), time.perf_counter()
        work()
        return time.perf_counter() - begun

    await check_growth(name, spend, size)
