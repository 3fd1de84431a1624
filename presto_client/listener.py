"""The subscriber's side of both notification files as an application: for subscribers, tests and benchmarks.

It takes an event when its form is right and its signature holds, gives each event to a handler once however often it
comes, and answers 204 only after the handler has had it.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any, get_args

from pydantic import Field, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from presto_api.mef.notifications import MEDIA, Base, Notification, event_path
from presto_api.mef.problems import HttpError
from presto_api.mef.wire import parse_json
from presto_client.signatures import BadSignature, NotSigned, Verifier

_REMEMBERED = 100_000
_LARGEST = 64 * 1024

Handler = Callable[[Notification], Awaitable[None]]
_TYPES = (event.model_fields["event_type"].annotation for event in get_args(Notification))
EVENT_TYPES = [name for literal in _TYPES for name in get_args(literal)]
_ADAPTER: TypeAdapter[Notification] = TypeAdapter(Annotated[Notification, Field(discriminator="event_type")])


class Listener:
    """What listens: `verifier` None takes events of anybody. The handler gets one event at a time, in order."""

    def __init__(self, handler: Handler, verifier: Verifier | None = None) -> None:
        self._handler, self._verifier = handler, verifier
        self._known: OrderedDict[str, None] = OrderedDict()
        self._turn = asyncio.Lock()

    async def receive(self, request: Request, event_type: str) -> Response:
        """One POST. Raises HttpError when it is not taken."""
        if not request.headers.get("content-type", "").casefold().startswith("application/json"):
            raise HttpError(400, "invalidBody", "The body is not announced as JSON", f"Send Content-Type: {MEDIA}.")
        content = await _content(request)
        self._check_signature(request, content)
        notification = _read(content, event_type)
        async with self._turn:
            if notification.event_id not in self._known:
                await self._handler(notification)
                self._known[notification.event_id] = None
                if len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
        return Response(status_code=204)

    def _check_signature(self, request: Request, content: bytes) -> None:
        if self._verifier is None:
            return
        try:
            self._verifier.verify(request.method, str(request.url), request.headers, content)
        except NotSigned:
            raise HttpError(401, "missingCredentials", "The notification is not signed") from None
        except BadSignature as error:
            raise HttpError(401, "invalidCredentials", f"The signature does not hold: {error}") from None


def create_listener(handler: Handler, verifier: Verifier | None = None) -> Starlette:
    """The application, at the base paths of both files and at those that the management files name."""
    listener = Listener(handler, verifier)
    routes = [
        Route(event_path(base, event_type), partial(listener.receive, event_type=event_type), methods=["POST"])
        for event_type in EVENT_TYPES
        for base in get_args(Base)
    ]
    handlers = {HttpError: _answered, HTTPException: _unknown, Exception: _failed}
    return Starlette(routes=routes, exception_handlers=handlers)


async def _content(request: Request) -> bytes:
    content = b""
    try:
        async for part in request.stream():
            content += part
            if len(content) > _LARGEST:
                raise HttpError(400, "invalidBody", f"The body is larger than {_LARGEST} bytes")
    except ClientDisconnect:
        raise HttpError(400, "invalidBody", "The connection ended before the body") from None
    return content


def _read(content: bytes, event_type: str) -> Notification:
    document = parse_json(content)
    if document.get("eventType") != event_type:
        raise HttpError(400, "invalidBody", f"eventType: this is the place of {event_type}")
    try:
        return _ADAPTER.validate_python(document)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        wrong = "; ".join(f"{'.'.join(map(str, detail['loc'][1:]))}: {detail['msg']}" for detail in details)
        raise HttpError(400, "invalidBody", wrong) from None


def _json(document: dict[str, Any], status: int) -> Response:
    return Response(json.dumps(document), status, media_type=MEDIA)


async def _answered(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HttpError):
        raise error
    return _json(error.body(), error.status)


async def _unknown(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    response = _json({"reason": str(error.detail)}, error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _failed(_request: Request, _error: Exception) -> Response:
    return _json({"code": "internalError", "reason": "The event could not be taken now"}, 500)
