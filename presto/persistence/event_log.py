"""Reading the event log: from any sequence number on, and as events come."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Collection, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, cast

from sqlalchemy import Engine, Pool, Row, Table, bindparam, delete, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from common.database import WRITES
from presto.persistence import events
from presto.persistence.event_tables import EventCounterRow, EventRow
from presto.persistence.events import Event, EventType
from presto.persistence.order_tables import ListenerRow
from presto.persistence.tables import utc

log = logging.getLogger(__name__)

_EVENTS = cast(Table, EventRow.__table__)
_AFTER = select(_EVENTS).where(_EVENTS.c.sequence > bindparam("before"))
_AFTER = _AFTER.order_by(_EVENTS.c.sequence).limit(bindparam("most"))

KEPT = 100_000
"""Events that stay in the log although every listener has had them."""

_IN_MEMORY = 4096
_PAGE = 500
_LOOK_ANYWAY = 1.0
"""Seconds after which the log is looked at although nothing was heard: another process may have written."""
_PRUNE_EVERY, _PRUNED_TOGETHER = 60.0, 5000


class EventLog:
    """The log behind an open engine. `start` follows its end, so that many readers cost one; `stop` undoes it."""

    def __init__(self, engine: Engine, kept: int = KEPT) -> None:
        self._engine, self._kept = engine, kept
        self._writer = engine.execution_options(**{WRITES: True})
        self._recent: deque[Event] = deque(maxlen=_IN_MEMORY)
        self._last = 0
        self._news, self._heard = asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.ended = False
        """True when the server is going down: who reads without end should come to one."""

    async def start(self) -> None:
        """Follow the log from its end on."""
        self._last = await asyncio.to_thread(self.last_stored)
        self._tasks = [asyncio.create_task(self._follow(), name="event log")]
        self._tasks.append(asyncio.create_task(self._keep_short(), name="event log retention"))

    def end(self) -> None:
        """Let readers know that the server is going down."""
        self.ended = True

    async def stop(self) -> None:
        """Stop following."""
        self.end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    @property
    def last(self) -> int:
        """The sequence number of the last event that was seen, 0 without any."""
        return self._last

    async def since(self, sequence: int, limit: int = _PAGE) -> Sequence[Event]:
        """Up to `limit` events after that number, in order."""
        if self._last <= sequence:
            return ()
        if self._recent and self._recent[0].sequence <= sequence + 1:
            start = sequence + 1 - self._recent[0].sequence
            return tuple(islice(self._recent, start, start + limit))
        return await asyncio.to_thread(self.read, sequence, limit)

    async def wait(self, sequence: int, timeout: float) -> bool:
        """Until there is an event after that number; False when none came in `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while self._last <= sequence:
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    def read(self, sequence: int, limit: int) -> tuple[Event, ...]:
        """As `since`, from the database; may be called from any thread."""
        with self._engine.connect() as connection:
            return tuple(map(_event, connection.execute(_AFTER, {"before": sequence, "most": limit})))

    def last_stored(self) -> int:
        """The sequence number of the last event in the database, 0 without any."""
        with Session(self._engine) as session:
            return session.scalar(select(EventCounterRow.last)) or 0

    def oldest_stored(self) -> int:
        """The sequence number of the oldest event that is still there, or of the next one."""
        with Session(self._engine) as session:
            last = session.scalar(select(EventCounterRow.last)) or 0
            return session.scalar(select(func.min(EventRow.sequence))) or last + 1

    def told_of(self, ids: Collection[str], tenant: str | None) -> frozenset[str]:
        """Those of these ids that a stored event is about, or about a part of; tenant None: of anybody."""
        told: set[str] = set()
        with Session(self._engine) as session:
            for column in (EventRow.object, EventRow.service):
                query = select(column).where(column.in_(ids)).distinct()
                mine = query if tenant is None else query.where(EventRow.tenant == tenant)
                told.update(name for name in session.scalars(mine) if name)
        return frozenset(told)

    def prune(self) -> int:
        """Forget some events beyond the kept ones that every listener has had; returns how many."""
        with Session(self._writer) as session, session.begin():
            last = session.scalar(select(EventCounterRow.last)) or 0
            needed = session.scalar(select(func.min(ListenerRow.cursor)))
            oldest = session.scalar(select(func.min(EventRow.sequence))) or 0
            end = min(last - self._kept, last if needed is None else needed, oldest + _PRUNED_TOGETHER - 1)
            gone = max(0, end - oldest + 1) if oldest else 0
            if gone:
                session.execute(delete(EventRow).where(EventRow.sequence <= end))
            return gone

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()

        def heard(pool: Pool | None, written: tuple[Event, ...]) -> None:
            ours = written if pool is self._engine.pool else ()
            with suppress(RuntimeError):  # the loop has ended, and with it whoever reads
                loop.call_soon_threadsafe(self._hear_of, ours)

        end = events.watch(heard)
        try:
            while True:
                await self._catch_up()
                await self._hear()
        finally:
            end()

    def _hear_of(self, written: tuple[Event, ...]) -> None:
        """Take events that follow the last one as they were written; anything else is read from the database."""
        if written and written[0].sequence == self._last + 1:
            self._append(written)
        elif not written or written[-1].sequence > self._last:
            self._heard.set()

    def _append(self, found: Sequence[Event]) -> None:
        self._recent.extend(found)
        self._last = found[-1].sequence
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _hear(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_ANYWAY):
                await self._heard.wait()

    async def _catch_up(self) -> None:
        self._heard.clear()
        try:
            while found := await asyncio.to_thread(self.read, self._last, _PAGE):
                if new := [event for event in found if event.sequence > self._last]:
                    self._append(new)
        except SQLAlchemyError as error:
            log.warning("the event log cannot be read, trying again: %s", getattr(error, "orig", None) or error)

    async def _keep_short(self) -> None:
        while True:
            try:
                while await asyncio.to_thread(self.prune):
                    pass
            except SQLAlchemyError as error:
                log.warning("old events stay for now: %s", getattr(error, "orig", None) or error)
            await asyncio.sleep(_PRUNE_EVERY)


def _event(row: Row[Any]) -> Event:
    kind = EventType(row.type)
    return Event(row.sequence, row.id, utc(row.time), kind, row.object, row.item, row.state, row.service, row.tenant)
