"""Work in threads: many items at once, and calls that a signal must not end half-way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, TypeVar

WORKERS = 4
T = TypeVar("T")


def in_parallel(work: Callable[[Any], Any], items: Iterable[Any], workers: int = WORKERS) -> None:
    """Call *work* for each item, some at a time; raise the first error after all have ended.

    A program that ends starts no threads any more: what it does at its exit is done one by one.
    """
    todo = list(items)
    if len(todo) == 1:
        work(todo[0])
    elif todo and threading.main_thread().is_alive():
        with ThreadPoolExecutor(max_workers=min(workers, len(todo))) as pool:
            results = [pool.submit(work, item) for item in todo]
        for result in results:
            result.result()
    elif todo:
        with ExitStack() as stack:
            for item in todo:
                stack.callback(work, item)


def in_own_thread(function: Callable[[], T]) -> T:
    """Return what *function* returns, called in a thread of its own, where no signal handler of Python interrupts it.

    A library with an event loop of its own can lose the exception of a Ctrl-C, or never return. The caller gets the
    exception once the call is done.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(function).result()
