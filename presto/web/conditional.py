"""`If-None-Match` (RFC 9110 section 13.1.2) for every answer that has an entity tag, of whichever API."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_KEPT = frozenset({b"etag", b"cache-control", b"content-location", b"date", b"expires", b"vary", b"link"})
"""What a 304 says; what describes a body has no place there."""


class NotModified:
    """Answers 304 instead of what the client has already."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; what was asked for conditionally is looked at as it comes back."""
        wanted = [value for name, value in scope.get("headers", ()) if name == b"if-none-match"]
        if not wanted or scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        known = False

        async def conditional(message: Message) -> None:
            nonlocal known
            if message["type"] == "http.response.start" and message["status"] == 200:
                tags = [value for name, value in message["headers"] if name.lower() == b"etag"]
                known = bool(tags) and has(b",".join(wanted), tags[0])
                if known:
                    kept = [(name, value) for name, value in message["headers"] if name.lower() in _KEPT]
                    message = {**message, "status": 304, "headers": kept}
            elif known:
                if message.get("more_body"):
                    return
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        await self._app(scope, receive, conditional)


def has(wanted: bytes, tag: bytes) -> bool:
    """Whether a list of entity tags has this one, by the weak comparison, or is `*`."""
    if wanted.strip() == b"*":
        return True
    return tag.removeprefix(b"W/") in {part.strip().removeprefix(b"W/") for part in wanted.split(b",")}


class TaggedBody:
    """The bytes of a body that does not change, with their entity tag."""

    def __init__(self, content: bytes, media: str, vary: Iterable[str] = ()) -> None:
        self._content, self._media = content, media
        self._headers = {"ETag": f'"{sha256(content).hexdigest()[:32]}"', "Cache-Control": "no-cache"}
        if vary:
            self._headers["Vary"] = ", ".join(vary)

    def response(self, _request: Request | None = None) -> Response:
        """The answer, which `NotModified` makes shorter for who has it."""
        return Response(self._content, media_type=self._media, headers=self._headers)
