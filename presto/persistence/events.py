"""Events: what the published notifications speak of, written in the transaction of the change itself.

An event that can be read has happened, and what has happened can be read: both are one commit. Sequence numbers are
given out under a lock that is held until that commit, so they have no gaps, and nobody who reads on from a number
misses an event that was still being written.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, cast
from uuid import uuid4

from sqlalchemy import Connection, Integer, Pool, Table, bindparam, insert, literal_column, update
from sqlalchemy.dialects import postgresql, sqlite

from presto.domain.credentials import utc_now
from presto.persistence.event_tables import EventCounterRow, EventRow

_COUNTER, _EVENTS = cast(Table, EventCounterRow.__table__), cast(Table, EventRow.__table__)
# Made once, because to make a statement costs more than to carry it out.
_TAKE = (
    update(_COUNTER)
    .where(_COUNTER.c.id == literal_column("1"))
    .values(last=_COUNTER.c.last + bindparam("count", type_=Integer))
    .returning(_COUNTER.c.last)
)
_NEW_EVENT = insert(_EVENTS)
_UPSERT: dict[str, Callable[[Any], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class EventType(StrEnum):
    """The events of the published notification files, by their names there."""

    ORDER_CREATE = "serviceOrderCreateEvent"
    ORDER_STATE_CHANGE = "serviceOrderStateChangeEvent"
    ITEM_STATE_CHANGE = "serviceOrderItemStateChangeEvent"
    INFORMATION_REQUIRED = "serviceOrderInformationRequiredEvent"
    SERVICE_CREATE = "serviceCreateEvent"
    SERVICE_STATE_CHANGE = "serviceStateChangeEvent"
    ATTRIBUTE_VALUE_CHANGE = "serviceAttributeValueChangeEvent"
    SERVICE_DELETE = "serviceDeleteEvent"

    @property
    def api(self) -> str:
        """`ordering` or `inventory`."""
        return "ordering" if self.value.startswith("serviceOrder") else "inventory"


class NewEvent(NamedTuple):
    """An event to be written; the members are those of `EventRow`."""

    type: EventType
    object: str
    service: str | None
    state: str | None = None
    item: str | None = None
    tenant: str = ""


class Event(NamedTuple):
    """An event as written."""

    sequence: int
    id: str
    time: datetime
    type: EventType
    object: str
    item: str | None
    state: str | None
    service: str | None
    tenant: str = ""


def append(connection: Connection, events: Sequence[NewEvent]) -> tuple[Event, ...]:
    """Write events in a transaction that is under way, as the last thing before its commit; then call `committed`."""
    if not events:
        return ()
    first = _reserve(connection, len(events)) - len(events) + 1
    now = utc_now()
    written = tuple(_event(number, now, new) for number, new in enumerate(events, first))
    connection.execute(_NEW_EVENT, [{**event._asdict(), "api": event.type.api} for event in written])
    return written


def _reserve(connection: Connection, count: int) -> int:
    """Reserve that many sequence numbers; returns the last one."""
    last = connection.execute(_TAKE, {"count": count}).scalar()
    if last is None:
        first = _UPSERT[connection.dialect.name](EventCounterRow).values(id=1, last=0)
        connection.execute(first.on_conflict_do_nothing())
        last = connection.execute(_TAKE, {"count": count}).scalar()
    return int(last or 0)


def _event(number: int, now: datetime, new: NewEvent) -> Event:
    return Event(
        number, str(uuid4()), now, new.type, new.object, new.item, new.state and str(new.state), new.service, new.tenant
    )


Watcher = Callable[[Pool | None, tuple[Event, ...]], None]
"""Is told the database, by the pool of its connections, and what was written there; neither where it is not known."""

_watchers: set[Watcher] = set()
_watchers_lock = threading.Lock()


def watch(heard: Watcher) -> Callable[[], None]:
    """Have `heard` called in the writing thread after each commit with events, in any database of this process.

    Returns what ends it.
    """
    with _watchers_lock:
        _watchers.add(heard)

    def end() -> None:
        with _watchers_lock:
            _watchers.discard(heard)

    return end


def committed(pool: Pool | None = None, written: tuple[Event, ...] = ()) -> None:
    """There are new events: these, where they are known, or to be read."""
    with _watchers_lock:
        watchers = tuple(_watchers)
    for heard in watchers:
        heard(pool, written)
