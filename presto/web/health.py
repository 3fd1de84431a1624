"""`GET` and `HEAD /healthz`, for monitoring: whether the server and its database answer."""

from __future__ import annotations

import asyncio
import time

from fastapi import APIRouter, Response
from sqlalchemy import Engine, text

from common.database import CONNECTION_ERRORS

PATH = "/healthz"
_FRESH = 1.0
"""Seconds for which what was found is told again: who asks more often costs nothing."""


class Health:
    """What the database said last."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._until, self._well = 0.0, True
        self._looking = asyncio.Lock()

    async def well(self) -> bool:
        """Whether the database answers."""
        async with self._looking:
            if time.monotonic() >= self._until:
                self._well = await asyncio.to_thread(self._look)
                self._until = time.monotonic() + _FRESH
        return self._well

    def _look(self) -> bool:
        try:
            with self._engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except CONNECTION_ERRORS:
            return False
        return True


def health_router(engine: Engine) -> APIRouter:
    """200 and `ok`, or 503."""
    router, health = APIRouter(), Health(engine)

    @router.api_route(PATH, methods=["GET", "HEAD"])
    async def healthz() -> Response:
        well = await health.well()
        body = "ok\n" if well else "the database does not answer\n"
        return Response(body, 200 if well else 503, media_type="text/plain", headers={"Cache-Control": "no-store"})

    return router
