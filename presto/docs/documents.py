"""Documents as bytes: one making for all who have waited for it, on a thread, and none while nothing has changed."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Scope

from presto.docs.secured import Secure
from presto.docs.server_state import NOTHING, ServerState, server_state
from presto.web.conditional import TaggedBody

JSON = "application/json"
_MAX_KEPT = 100
_LONGEST_KEPT = 3600.0
"""Seconds; examples have the day of their making."""
Key = tuple[str, str]


@dataclass(frozen=True)
class _Kept:
    """A document, what it was made of, when among all requests and makings, and until when it can be used again."""

    made: TaggedBody
    now: ServerState
    begun: int
    until: float


class Documents:
    """The documents by their names; `make` has what makes them of what whoever asks may see."""

    def __init__(self, app: ASGIApp, make: dict[str, Callable[[ServerState], Any]], secure: Secure) -> None:
        self._app, self._make, self._secure = app, make, secure
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._count = itertools.count()
        self._making = asyncio.Lock()

    async def get(self, name: str, scope: Scope) -> TaggedBody:
        """The document for who sent this request, not older than that."""
        sent = b",".join(value for header, value in scope["headers"] if header == b"authorization").decode("latin-1")
        arrived = next(self._count)
        async with self._making:
            kept = self._kept.get((name, sent))
            if kept and kept.begun > arrived:
                return kept.made
            begun = next(self._count)
            now = await server_state(self._app, sent or None, scope.get("client"))
            return await self._new((name, "" if now is NOTHING else sent), now, begun)

    async def _new(self, key: Key, now: ServerState, begun: int) -> TaggedBody:
        kept, moment = self._kept.get(key), time.monotonic()
        if kept is None or kept.now != now or kept.until < moment:
            made, until = await asyncio.to_thread(self._made, key[0], now), moment + _LONGEST_KEPT
        else:
            made, until = kept.made, kept.until
        self._kept[key] = _Kept(made, now, begun, until)
        self._kept.move_to_end(key)
        while len(self._kept) > _MAX_KEPT:
            self._kept.popitem(last=False)
        return made

    def _made(self, name: str, now: ServerState) -> TaggedBody:
        document = self._secure(self._make[name](now), frozenset())
        return TaggedBody(json.dumps(document, separators=(",", ":")).encode(), JSON, ("Authorization",))
