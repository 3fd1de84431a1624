"""Strict mode: the API answers with the statuses of the published file only, and its errors have no body.

The file has one status for all that goes wrong with an operation: 400, without a body. What is no answer of an
operation keeps the status that HTTP has for it.
"""

from __future__ import annotations

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from presto.restconf.operations import is_published
from presto.restconf.router import YANG_JSON

log = logging.getLogger(__name__)

_PREFIX = "/restconf/operations/"
_OF_HTTP = frozenset({401, 403, 405, 429})
"""Who asks, how often and by which method is no matter of an operation."""


class StrictFace:
    """Passes what the published file has, and takes the body from all other errors; other APIs are left alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and change its answer."""
        if scope["type"] != "http" or not str(scope["path"]).startswith("/restconf"):
            await self._app(scope, receive, send)
            return
        bare = False

        async def published(message: Message) -> None:
            nonlocal bare
            if message["type"] == "http.response.start" and message["status"] >= 400:
                bare = True
                log.info("%s %s: %s", scope["method"], scope["path"], message["status"])
                await send({**message, "status": _status(scope, message["status"]), "headers": _headers(message)})
            elif not bare:
                await send(message)
            elif not message.get("more_body"):
                await send({"type": "http.response.body", "body": b""})

        await self._app(scope, receive, published)


def _status(scope: Scope, status: int) -> int:
    operation = str(scope["path"]).removeprefix(_PREFIX).removesuffix("/")
    mapped = status < 500 and status not in _OF_HTTP and is_published(operation)
    return 400 if mapped else status


def _headers(message: Message) -> list[tuple[bytes, bytes]]:
    """What the published file produces, it produces with every answer, an empty one too."""
    of_the_body = {b"content-length", b"content-type"}
    kept = [(name, value) for name, value in message["headers"] if name.lower() not in of_the_body]
    return [*kept, (b"content-type", YANG_JSON.encode()), (b"content-length", b"0")]
