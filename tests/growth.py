"""Whether the time that something takes grows with its size and no faster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

QUICK = 0.15
"""Seconds below which it is not worth while to compare: with garbage collected once or not, the ratio is anything."""
MAX_GROWTH = 8
"""Between the four of what grows with the size and the sixteen of what grows with its square."""


async def check_growth(name: str, spend: Callable[[int], Awaitable[float]], size: int) -> None:
    """Whether four times as much takes little more than that, in the best of some rounds."""
    short, long = [], []
    for _ in range(6):
        long.append(await spend(4 * size))
        if min(long) < QUICK:
            return
        short.append(await spend(size))
        if min(long) <= MAX_GROWTH * min(short):
            return
    raise AssertionError(f"{name}: {min(short):.3f} s for {size}, {min(long):.3f} s for {4 * size}")
