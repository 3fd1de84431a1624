"""Threads: those of the event loop for reads, and others of their own for work in the background.

Reads share the threads of the event loop. Were work on services done there too, each of its steps would wait behind all
reads that are asked for: with 200 clients an order took a minute instead of a fraction of a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def in_thread(read: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """A read that waits for the database, as a coroutine: it runs on a thread of the event loop."""

    @wraps(read)
    async def run(*arguments: P.args, **options: P.kwargs) -> T:
        return await asyncio.to_thread(read, *arguments, **options)

    return run


class Background:
    """As many threads as there are pieces of work at once."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="work")

    async def run(self, function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """As `asyncio.to_thread`, in a thread that no read waits for."""
        call = partial(copy_context().run, partial(function, *arguments, **options))
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def close(self) -> None:
        """Take no more work; what is under way ends."""
        self._pool.shutdown(wait=False)
