"""When Python looks for garbage that references alone do not free."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_RARELY = 20_000, 20, 100
"""Objects, collections of young ones, and of middle-aged ones, after which the next generation is looked through."""


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look for garbage rarely inside.

    An order makes thousands of objects, and all of them are freed with its answer, for there is no cycle among them.
    With Python's own 700 the documents of all requests under way are looked through several times for each of them.
    """
    before = gc.get_threshold()
    gc.set_threshold(*_RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*before)
