"""Whether the time that something takes grows with its size and no faster."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

QUICK = 0.15
"""Seconds below which it is not worth while to compare: whatever else happens once makes the ratio anything."""
MAX_GROWTH = 8
"""Between the four of what grows with the size and the sixteen of what grows with its square."""


async def check_growth(name: str, spend: Callable[[int], Awaitable[float]], size: int) -> None:
    """Whether four times as much takes little more than that, in the best of some rounds."""
    short, long = [], []
    with _uncollected():
        for _ in range(6):
            long.append(await spend(4 * size))
            if min(long) < QUICK:
                return
            short.append(await spend(size))
            if min(long) <= MAX_GROWTH * min(short):
                return
    raise AssertionError(f"{name}: {min(short):.3f} s for {size}, {min(long):.3f} s for {4 * size}")


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector out: it looks through all that the tests before have left, now and then."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
