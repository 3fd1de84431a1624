"""Requests before work in the background: who orders shall not wait because others' orders are being carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PATIENCE = 0.1
"""Seconds that the next piece of work waits for a pause between requests; then it begins all the same."""


class RightOfWay:
    """Counts the requests that are being taken in; pieces of work begin one after the other, in the pauses."""

    def __init__(self) -> None:
        self._requests = 0
        self._pause = asyncio.Event()
        self._pause.set()
        self._next = asyncio.Lock()

    @contextmanager
    def request(self) -> Iterator[None]:
        """A request is being taken in."""
        self._requests += 1
        self._pause.clear()
        try:
            yield
        finally:
            self._requests -= 1
            if not self._requests:
                self._pause.set()

    async def give(self) -> None:
        """Wait for one's turn and for a pause."""
        async with self._next:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._pause.wait()
