"""When Python's cyclic garbage collector runs."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_RARELY = 20_000, 20, 100
"""Objects, collections of young ones, and of middle-aged ones, after which the next generation is looked through."""


_lock, _found = threading.Lock(), list[tuple[int, int, int]]()
"""What applications of one process found when they started; they may overlap, and the first one's is put back."""


@contextmanager
def rare_collections() -> Iterator[None]:
    """Collect garbage rarely inside the block.

    An order makes thousands of objects, and all of them are freed with its answer, for there is no cycle among them.
    With Python's own 700 the documents of all requests under way are looked through several times for each of them.
    """
    with _lock:
        _found.append(gc.get_threshold())
        gc.set_threshold(*_RARELY)
    try:
        yield
    finally:
        with _lock:
            gc.set_threshold(*_found.pop())


def spare() -> None:
    """Leave what is there from the start out of collections, as long as the server runs (`unspare`).

    An inventory of thousands of uCPEs lives as long as the server; to look through it again and again took a fifth of
    the time of an order, in pauses of a tenth of a second. Garbage of the start, a few thousand objects, stays as well:
    to look for it first would cost the start more than it weighs.
    """
    gc.freeze()


def unspare() -> None:
    """Undo `spare`."""
    gc.unfreeze()
