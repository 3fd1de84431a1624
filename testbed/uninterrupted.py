"""Calls that a signal must not end half-way."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def uninterrupted(function: Callable[[], T]) -> T:
    """Return what *function* returns, called in a thread of its own: Python handles signals in the main thread.

    A library that runs an event loop of its own can lose the exception of a Ctrl-C in it, or never come back. The
    caller gets the exception, once the call is done.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(function).result()
