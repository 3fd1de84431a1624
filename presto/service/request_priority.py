"""Requests before work in the background: a client that orders does not wait for the work on others' orders."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

LONGEST_WAIT = 1.0
"""Seconds that the next piece of work waits for a pause between requests; then it begins all the same."""

_LATELY = 0.2
"""Seconds after a request in which another one is expected."""

_PAUSE = 0.01
"""Seconds without a request that are a pause: with less between them, requests leave no room for other work."""


class RequestPriority:
    """Counts the requests that are being taken in, and the pieces of work.

    While requests come, pieces begin one after the other, each in a pause between them; otherwise as many as there are.
    """

    def __init__(self) -> None:
        self._requests = self._pieces = 0
        self._last_request = float("-inf")
        self._free = asyncio.Event()
        self._free.set()
        self._next = asyncio.Lock()

    @contextmanager
    def request(self) -> Iterator[None]:
        """A request is being taken in."""
        self._requests += 1
        self._look()
        try:
            yield
        finally:
            self._requests -= 1
            self._last_request = time.monotonic()
            self._look()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """A piece of work, which begins when it is its turn."""
        async with self._next:
            if self._requests or time.monotonic() - self._last_request < _LATELY:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LONGEST_WAIT):
                        await self._pause()
            self._pieces += 1
            self._look()
        try:
            yield
        finally:
            self._pieces -= 1
            self._look()

    async def _pause(self) -> None:
        while not self._free.is_set() or time.monotonic() - self._last_request < _PAUSE:
            await self._free.wait()
            await asyncio.sleep(_PAUSE)

    def _look(self) -> None:
        if self._requests or self._pieces:
            self._free.clear()
        else:
            self._free.set()
