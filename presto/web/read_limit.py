"""Reads of what is stored take turns, so that a crowd of readers leaves room for orders and for work on them.

Reads cost processor time of the one interpreter. Were all of them begun as they come, each step of everything else
would wait behind as many as there are; so a few are worked on, and the others wait where they cost nothing. Looks at
the network and streams take no turns: they wait for others most of the time.
"""

from __future__ import annotations

import asyncio
import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from presto.extensions.app import BASE as EXTENSIONS
from presto.mef.addresses import BASES

CONCURRENT_READS = 4
"""Reads that are worked on at once."""

_MEF = "|".join(map(re.escape, BASES.values()))
_STORED = re.compile(rf"/[^/]+({_MEF})/.*|{re.escape(EXTENSIONS)}/service(/[^/]+)?/?")


class ReadLimiter:
    """Lets reads of services and orders in, one after the other when there are many."""

    def __init__(self, app: ASGIApp, concurrent: int = CONCURRENT_READS) -> None:
        self._app, self._turns = app, asyncio.Semaphore(concurrent)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait for a turn, which ends when the answer is made: to send it to a slow client takes none."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"} or not _STORED.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        await self._turns.acquire()
        ended = False

        def end() -> None:
            nonlocal ended
            if not ended:
                ended = True
                self._turns.release()

        async def sending(message: Message) -> None:
            end()
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            end()
