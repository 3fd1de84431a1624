"""`/event`: the event log as a stream, the keys that sign notifications, and the notifications that were given up."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from common.findings import Finding, Rejected, Tag
from presto.auth.principal import Principal
from presto.extensions.problems import Refused, declared
from presto.notify.messages import document
from presto.notify.register import DeadLetter, Register
from presto.notify.settings import NotifySettings
from presto.notify.signing import public_keys
from presto.persistence.event_log import EventLog
from presto.persistence.events import Event, EventType
from presto.persistence.tenancy import current
from presto.service.core import Core
from presto_api.wire import Wire

HEARTBEAT = 15.0
"""Seconds without an event after which a client hears that the stream still lives."""

MAX_STREAMS = 200
MAX_SERVICES = 100
"""Services that one stream can be limited to."""

_LOOK_UP = 1.0
"""Seconds after which a waiting stream sees that the server is going down."""

_PAGE = 200
_MEDIA = "text/event-stream"
_LARGEST = 2**63 - 1


class DeadLetterShown(Wire):
    """A notification that a listener did not take."""

    listener: str = Field(description="The id of the subscription")
    sequence: int = Field(description="The number of the event in the log")
    api: str = Field(examples=["ordering"])
    callback: str
    body: dict[str, Any] = Field(description="The notification as it was sent")
    attempts: int = Field(description="0: given up together with an older one")
    reason: str = Field(examples=["answered 503"])
    time: str = Field(description="When it was given up (RFC 3339)")


class KeySet(Wire):
    """A JWK set (RFC 7517) of Ed25519 keys (RFC 8037)."""

    keys: list[dict[str, str]]


@dataclass(frozen=True)
class Wanted:
    """Which events a client asks for; empty is all of its tenant, None: of everybody."""

    types: frozenset[EventType]
    services: frozenset[str]
    tenant: str | None = None

    def __contains__(self, event: Event) -> bool:
        """An event is of a service when it is about it, about a part of it, or about an order for it."""
        of_service = not self.services or not self.services.isdisjoint({event.object, event.service})
        return self.tenant in {None, event.tenant} and of_service and (not self.types or event.type in self.types)


def events_router(core: Core, settings: NotifySettings) -> APIRouter:
    """Stream, keys and dead letters."""
    router = APIRouter(tags=["events"])
    streams = Streams(core.events, settings=settings)
    register = Register(core.engine)
    description = "Server-sent events: `id` is the sequence number, `event` the type, `data` the notification"
    answer: dict[int | str, dict[str, Any]] = {
        200: {"description": description, "content": {_MEDIA: {"schema": {"type": "string"}}}}
    }

    @router.get(
        "/event/stream",
        operation_id="streamEvents",
        response_class=StreamingResponse,
        responses={**answer, **declared(404, 409, 422, 429, 503)},
    )
    async def stream(
        request: Request,
        since: Annotated[int | None, Query(description="Replay what came after this number", ge=0, le=_LARGEST)] = None,
        types: Annotated[list[EventType] | None, Query(alias="type", description="Only these types")] = None,
        service: Annotated[
            list[str] | None, Query(description="Only of these services, by id or name", max_length=MAX_SERVICES)
        ] = None,
        last_event_id: Annotated[
            int | None, Header(description="As `since`, and before it: what browsers send", ge=0, le=_LARGEST)
        ] = None,
    ) -> StreamingResponse:
        """The events from now on, or from a number on. A client that comes back goes on where it was.

        The stream ends with the access token that it was asked for with.
        """
        start = last_event_id if last_event_id is not None else since
        wanted = Wanted(frozenset(types or ()), await _known(core, service or ()), current())
        principal: Principal | None = request.scope.get("principal")
        frames = await streams.open(start, wanted, principal)
        return StreamingResponse(frames, media_type=_MEDIA, headers={"Cache-Control": "no-store"})

    @router.get("/event/key", operation_id="getEventKeys")
    async def keys() -> KeySet:
        """The public keys of notifications' signatures, the one in use first."""
        return KeySet(**await asyncio.to_thread(public_keys, core.engine))

    @router.get("/event/deadLetter", operation_id="listDeadLetters", responses=declared(404, 422))
    async def dead_letters(
        listener: Annotated[str | None, Query(description="Only of this subscription")] = None,
        offset: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
        limit: Annotated[int, Query(ge=1, le=100)] = 100,
    ) -> list[DeadLetterShown]:
        """Notifications that were given up, newest first."""
        if listener is not None and not await asyncio.to_thread(register.knows, listener):
            hint = "GET /event/listener lists those that there are."
            raise Rejected([Finding(Tag.NOT_FOUND, ("listener",), f'There is no listener "{listener[:60]}"', hint)])
        found = await asyncio.to_thread(register.dead_letters, listener, offset, limit)
        return [_shown_letter(letter) for letter in found]

    return router


async def _known(core: Core, services: Sequence[str]) -> frozenset[str]:
    """The ids of services. One that is gone is known as long as the log tells of it, and so are parts and orders.

    Raises Rejected with every one that is not known.
    """
    ids: set[str] = set()
    unknown: dict[str, Rejected] = {}
    for name in services:
        try:
            ids.add((await core.service(name)).id)
        except Rejected as rejected:
            unknown[name] = rejected
    told = await asyncio.to_thread(core.events.told_of, unknown, current()) if unknown else frozenset()
    if missing := unknown.keys() - told:
        raise Rejected(finding for name in unknown if name in missing for finding in unknown[name].findings)
    return frozenset(ids | told)


def _shown_letter(letter: DeadLetter) -> DeadLetterShown:
    values = {name: value for name, value in vars(letter).items() if name != "tenant"}
    return DeadLetterShown(**{**values, "time": letter.time.isoformat()})


class Streams:
    """Open streams over an event log. What a client has not read yet stays in the log, and nowhere else."""

    def __init__(self, log: EventLog, heartbeat: float | None = None, settings: NotifySettings | None = None) -> None:
        self._log = log
        self._heartbeat = HEARTBEAT if heartbeat is None else heartbeat
        self._settings = settings or NotifySettings()
        self._open = 0
        self._clients, self._tenants = Counter[str](), Counter[str]()

    async def open(self, start: int | None, wanted: Wanted, principal: Principal | None = None) -> AsyncIterator[bytes]:
        """The frames after that number, or from now on, until the client's token ends. Raises Refused."""
        self._check_room(principal)
        last = await asyncio.to_thread(self._log.last_stored)
        if start is not None and start > last:
            hint = f"The last event has number {last}: start there, or leave the number out."
            raise Refused(
                422, "No event has that number yet", [Finding(Tag.INVALID_VALUE, ("since",), str(start), hint)]
            )
        return self._counted(last if start is None else start, wanted, principal)

    def _check_room(self, principal: Principal | None) -> None:
        """So many streams of all, and of one client and one tenant fewer: nobody takes those of the others."""
        if self._open >= MAX_STREAMS:
            raise Refused(503, f"{MAX_STREAMS} streams are open already")
        if principal is None:
            return
        if self._clients[principal.client] >= self._settings.client_streams:
            raise Refused(429, f"This client has {self._settings.client_streams} streams open already: close one")
        if principal.tenant is not None and self._tenants[principal.tenant] >= self._settings.tenant_streams:
            raise Refused(429, f"This tenant has {self._settings.tenant_streams} streams open already: close one")

    def _count(self, principal: Principal | None, change: int) -> None:
        self._open += change
        if principal:
            self._clients[principal.client] += change
            self._tenants[principal.tenant or ""] += change

    async def _counted(self, cursor: int, wanted: Wanted, principal: Principal | None) -> AsyncIterator[bytes]:
        self._count(principal, 1)
        ends = principal.ends if principal else math.inf
        try:
            yield b"retry: 1000\n\n"
            oldest = await asyncio.to_thread(self._log.oldest_stored)
            if cursor + 1 < oldest:
                cursor = oldest - 1
                yield _frame(None, "truncated", {"oldest": oldest})
            async for frame in self._frames(cursor, wanted, ends):
                yield frame
        finally:
            self._count(principal, -1)

    async def _frames(self, cursor: int, wanted: Wanted, ends: float) -> AsyncIterator[bytes]:
        heard = time.monotonic()
        while not self._log.ended and (left := ends - time.time()) > 0:
            found = await self._log.since(cursor, _PAGE)
            if frames := b"".join(_shown(event) for event in found if event in wanted):
                heard = time.monotonic()
                yield frames
            cursor = found[-1].sequence if found else cursor
            if time.monotonic() - heard >= self._heartbeat:
                heard = time.monotonic()
                # An id without data is no event, but it is where a client that comes back goes on.
                yield b"id: %d\n\n" % cursor
            if not found:
                await self._log.wait(cursor, min(_LOOK_UP, left, heard + self._heartbeat - time.monotonic()))


def _shown(event: Event) -> bytes:
    return _frame(event.sequence, event.type, {**document(event), "service": event.service})


def _frame(number: int | None, name: str, data: dict[str, Any]) -> bytes:
    """One event as the HTML standard writes it; JSON has no line breaks of its own."""
    first = f"id: {number}\n" if number is not None else ""
    return f"{first}event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
