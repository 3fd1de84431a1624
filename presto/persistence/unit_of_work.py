"""What one change stores: a service, its order, their events and the client's key, all in one transaction or none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Table, insert
from sqlalchemy.orm import Session

from presto.domain.model import Service
from presto.persistence.events import NewEvent
from presto.persistence.idempotency import KeyedRequest, Row, store_request
from presto_api.lifecycles import ServiceState


@dataclass(frozen=True)
class NewItem:
    """An item to be stored with its order; `end_point` decides how it ends, none: the SWVC does.

    `requested` is what the item says of its service. `element` and `attributes` are of enrolled resources only: the id,
    and what the item says that the inventory of uCPEs does not tell.
    """

    id: str
    action: str
    kind: str
    end_point: str | None
    requested: Mapping[str, Any]
    element: str | None = None
    attributes: Mapping[str, Any] | None = None


def _any_state(_inactive: Mapping[str, ServiceState]) -> None:
    """The order says nothing of enrolled resources."""


@dataclass(frozen=True)
class NewOrder:
    """An order to be stored; `document` is what the client sent.

    `external_id` is the client's own id, where it may stand for one order only. `enrolled` are the ids of the enrolled
    resources that it names: `check_enrolled` is told which of them are not active, and raises what refuses the order.
    """

    id: str
    document: Mapping[str, Any]
    items: tuple[NewItem, ...]
    external_id: str | None = None
    enrolled: Collection[str] = ()
    check_enrolled: Callable[[Mapping[str, ServiceState]], None] = _any_state


@dataclass(frozen=True)
class StoredOrder:
    """An order as it was stored: when, and the id of the inventory element that each of its items is about."""

    order: NewOrder
    ordered: datetime
    elements: tuple[str, ...]


@dataclass(eq=False)
class UnitOfWork:
    """One change of the database, in a savepoint of the writer's transaction (`presto.persistence.writer`).

    `service` and `order` are what it has stored; the answer to a `request` with a key is made from them.
    """

    session: Session
    request: KeyedRequest | None = None
    service: Service | None = None
    order: StoredOrder | None = None
    events: list[NewEvent] = field(default_factory=list)

    @cached_property
    def connection(self) -> Connection:
        """The connection of the transaction, for statements on tables."""
        return self.session.connection()

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert rows that all name the same columns."""
        if rows:
            self.connection.execute(insert(table), rows)

    def record(self, tenant: str, events: Iterable[NewEvent]) -> None:
        """Have events of a tenant's objects written with the change."""
        self.events += (event._replace(tenant=tenant) for event in events)

    def finish(self) -> None:
        """Write what is pending, then the key of the request with the answer to what was stored."""
        self.session.flush()
        if self.request:
            answer = self.request.render(self) if self.request.render else None
            store_request(self.connection, self.request, answer)
