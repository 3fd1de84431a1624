"""The listeners, how far each one has come, and dead letters, as the database keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from common.database import WRITES
from presto.persistence.event_tables import DeadLetterRow, EventCounterRow
from presto.persistence.idempotency import KeyedRequest, store_request
from presto.persistence.order_tables import ListenerRow
from presto.persistence.tables import utc
from presto.persistence.tenancy import NOBODY, owner


@dataclass(frozen=True)
class Listener:
    """Who wants to hear of which events of an API; it hears of its tenant's only."""

    id: str
    api: str
    callback: str
    query: str | None
    tenant: str = NOBODY


@dataclass(frozen=True)
class DeliveryState:
    """How far a listener has come; `failures` are attempts in a row that came to nothing, the last one to `fault`."""

    cursor: int
    failures: int = 0
    failing_since: datetime | None = None
    fault: str | None = None


@dataclass(frozen=True)
class DeadLetter:
    """A notification that was given up, with the body that was sent."""

    listener: str
    sequence: int
    api: str
    callback: str
    body: dict[str, Any]
    attempts: int
    reason: str
    time: datetime
    tenant: str = NOBODY


class Register:
    """Every method is one transaction and may be called from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**{WRITES: True})

    def add(
        self, api: str, callback: str, query: str | None, request: KeyedRequest | None = None
    ) -> tuple[Listener, DeliveryState]:
        """Remember a listener: it hears of what happens from now on."""
        listener = Listener(str(uuid4()), api, callback, query, owner())
        with Session(self._writer) as session, session.begin():
            last = session.scalar(select(EventCounterRow.last)) or 0
            values = {"id": listener.id, "api": api, "callback": callback, "query": query, "tenant": owner()}
            session.add(ListenerRow(**values, cursor=last, failures=0))
            store_request(session.connection(), request)
        return listener, DeliveryState(last)

    def count(self) -> int:
        """How many listeners the tenant that is being served has, or clients without one together."""
        mine = select(func.count()).select_from(ListenerRow).where(ListenerRow.tenant == owner())
        with Session(self._engine) as session:
            return session.scalar(mine) or 0

    def find(self, api: str, listener_id: str) -> Listener | None:
        """The listener of that id."""
        with Session(self._engine) as session:
            row = session.get(ListenerRow, listener_id)
            return _listener(row) if row and row.api == api else None

    def remove(self, api: str, listener_id: str, request: KeyedRequest | None = None) -> bool:
        """Forget a listener, not its dead letters; False when there is none such."""
        gone = delete(ListenerRow).where(ListenerRow.id == listener_id, ListenerRow.api == api)
        with Session(self._writer) as session, session.begin():
            there = bool(session.execute(gone.returning(ListenerRow.id)).all())
            store_request(session.connection(), request if there else None)
            return there

    def all(self) -> list[tuple[Listener, DeliveryState]]:
        """All listeners, by API and callback, with how far they have come."""
        with Session(self._engine) as session:
            rows = session.scalars(select(ListenerRow).order_by(ListenerRow.api, ListenerRow.callback, ListenerRow.id))
            return [(_listener(row), _state(row)) for row in rows]

    def save(self, states: dict[str, DeliveryState]) -> None:
        """Keep how far these listeners have come; those that are gone stay so."""
        values = [_values(listener, state) for listener, state in states.items()]
        names = ("cursor", "failures", "failing_since", "fault")
        moved = update(ListenerRow).where(ListenerRow.id == bindparam("listener"))
        with self._writer.begin() as connection:
            connection.execute(moved.values({name: bindparam(f"new_{name}") for name in names}), values)

    def add_dead_letter(self, letter: DeadLetter, state: DeliveryState) -> None:
        """Keep a dead letter, and that its listener has got past it."""
        with Session(self._writer) as session, session.begin():
            session.merge(DeadLetterRow(**vars(letter)))
            row = session.get(ListenerRow, letter.listener)
            if row:
                row.cursor, row.failures = state.cursor, state.failures
                row.failing_since, row.fault = state.failing_since, state.fault

    def end(self, letter: DeadLetter) -> None:
        """Forget the listener of a dead letter, and keep the letter."""
        with Session(self._writer) as session, session.begin():
            session.merge(DeadLetterRow(**vars(letter)))
            session.execute(delete(ListenerRow).where(ListenerRow.id == letter.listener))

    def dead_letters(self, listener: str | None = None, offset: int = 0, limit: int = 100) -> list[DeadLetter]:
        """A page of dead letters, of one listener or of all, newest first."""
        query = select(DeadLetterRow).order_by(DeadLetterRow.time.desc(), DeadLetterRow.sequence.desc())
        if listener is not None:
            query = query.where(DeadLetterRow.listener == listener)
        with Session(self._engine) as session:
            return [_letter(row) for row in session.scalars(query.offset(offset).limit(limit))]

    def knows(self, listener_id: str) -> bool:
        """Whether there is a listener of that id, or was one that has dead letters."""
        there = select(ListenerRow.id).where(ListenerRow.id == listener_id)
        was = select(DeadLetterRow.listener).where(DeadLetterRow.listener == listener_id)
        with Session(self._engine) as session:
            return any(session.scalars(query.limit(1)).first() is not None for query in (there, was))

    def forget_letters(self, before: datetime) -> None:
        """Drop dead letters from before a moment."""
        with self._writer.begin() as connection:
            connection.execute(delete(DeadLetterRow).where(DeadLetterRow.time < before))


def _values(listener: str, state: DeliveryState) -> dict[str, Any]:
    return {"listener": listener, **{f"new_{name}": value for name, value in vars(state).items()}}


def _listener(row: ListenerRow) -> Listener:
    return Listener(row.id, row.api, row.callback, row.query, row.tenant)


def _state(row: ListenerRow) -> DeliveryState:
    return DeliveryState(row.cursor, row.failures, utc(row.failing_since) if row.failing_since else None, row.fault)


def _letter(row: DeadLetterRow) -> DeadLetter:
    return DeadLetter(
        row.listener, row.sequence, row.api, row.callback, row.body, row.attempts, row.reason, utc(row.time), row.tenant
    )
