"""The subscriber's side of both notification files as an application: for subscribers, tests and benchmarks.

It takes an event when its form is right and its signature holds, gives each event to a handler once however often it
comes, and answers 204 only after the handler has had it.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException

from presto.domain.lifecycles import OrderState, ServiceState
from presto.mef.problems import Answer
from presto.mef.wire import moment, parse_json
from presto.notify.settings import NotifySettings
from presto.notify.signing import MEDIA
from presto.notify.verifying import BadSignature, NotSigned, Verifier
from presto.persistence.events import EventType

_REMEMBERED = 100_000
_LARGEST = 64 * 1024
_BY_VALUE = Field(strict=False)
"""Members of enumerations come as text."""


def _moment(text: str) -> str:
    moment(text)
    return text


def _of_item(state: OrderState) -> OrderState:
    if state is OrderState.PARTIAL:
        raise ValueError("an item is never partial")
    return state


class _Wire(BaseModel):
    """What the files do not name is left aside: they allow it."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, strict=True, frozen=True)


class Subject(_Wire):
    """`ServiceOrderEventPayload`, `ServiceEventPayload`."""

    id: str
    href: str | None = None


class OrderSubject(Subject):
    """`ServiceOrderStateChangeEventPayload`."""

    state: Annotated[OrderState, _BY_VALUE]


class ItemSubject(Subject):
    """`ServiceOrderItemStateChangeEventPayload`."""

    order_item_id: str
    state: Annotated[OrderState, _BY_VALUE, AfterValidator(_of_item)]


class ServiceSubject(Subject):
    """`ServiceStateChangeEventPayload`."""

    state: Annotated[ServiceState, _BY_VALUE]


class _Event(_Wire):
    event_id: str
    event_time: Annotated[str, AfterValidator(_moment)]


class PlainEvent(_Event):
    """The events without a state."""

    event_type: Literal[
        "serviceOrderCreateEvent",
        "serviceOrderInformationRequiredEvent",
        "serviceCreateEvent",
        "serviceAttributeValueChangeEvent",
        "serviceDeleteEvent",
    ]
    event: Subject


class OrderStateChange(_Event):
    """`ServiceOrderStateChangeEvent`."""

    event_type: Literal["serviceOrderStateChangeEvent"]
    event: OrderSubject


class ItemStateChange(_Event):
    """`ServiceOrderItemStateChangeEvent`."""

    event_type: Literal["serviceOrderItemStateChangeEvent"]
    event: ItemSubject


class ServiceStateChange(_Event):
    """`ServiceStateChangeEvent`."""

    event_type: Literal["serviceStateChangeEvent"]
    event: ServiceSubject


Notification = PlainEvent | OrderStateChange | ItemStateChange | ServiceStateChange
Handler = Callable[[Notification], Awaitable[None]]
_ADAPTER: TypeAdapter[Notification] = TypeAdapter(Annotated[Notification, Field(discriminator="event_type")])


class Listener:
    """What listens: `verifier` None takes events of anybody. The handler gets one event at a time, in order."""

    def __init__(self, handler: Handler, verifier: Verifier | None = None) -> None:
        self._handler, self._verifier = handler, verifier
        self._known: OrderedDict[str, None] = OrderedDict()
        self._turn = asyncio.Lock()

    async def take(self, request: Request, event_type: EventType) -> Response:
        """One POST. Raises Answer when it is not taken."""
        if not request.headers.get("content-type", "").casefold().startswith("application/json"):
            raise Answer(400, "invalidBody", "The body is not announced as JSON", f"Send Content-Type: {MEDIA}.")
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
            raise Answer(401, "missingCredentials", "The notification is not signed") from None
        except BadSignature as error:
            raise Answer(401, "invalidCredentials", f"The signature does not hold: {error}") from None


def create_listener(handler: Handler, verifier: Verifier | None = None) -> FastAPI:
    """The application, at the base paths of both files and at those that the management files name."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    listener = Listener(handler, verifier)
    for event_type in EventType:
        take = _endpoint(listener, event_type)
        for settings in (NotifySettings(base="notification"), NotifySettings(base="management")):
            app.add_api_route(settings.path(event_type.api, event_type), take, methods=["POST"], response_model=None)
    app.add_exception_handler(Answer, _answered)
    app.add_exception_handler(HTTPException, _unknown)
    app.add_exception_handler(Exception, _failed)
    return app


def _endpoint(listener: Listener, event_type: EventType) -> Callable[[Request], Awaitable[Response]]:
    async def take(request: Request) -> Response:
        return await listener.take(request, event_type)

    return take


async def _content(request: Request) -> bytes:
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > _LARGEST:
            raise Answer(400, "invalidBody", f"The body is larger than {_LARGEST} bytes")
    return content


def _read(content: bytes, event_type: EventType) -> Notification:
    document = parse_json(content)
    if document.get("eventType") != event_type:
        raise Answer(400, "invalidBody", f"eventType: this is the place of {event_type}")
    try:
        return _ADAPTER.validate_python(document)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        wrong = "; ".join(f"{'.'.join(map(str, detail['loc'][1:]))}: {detail['msg']}" for detail in details)
        raise Answer(400, "invalidBody", wrong) from None


def _json(document: dict[str, Any], status: int) -> Response:
    return Response(json.dumps(document), status, media_type=MEDIA)


async def _answered(_request: Request, error: Exception) -> Response:
    if not isinstance(error, Answer):
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
