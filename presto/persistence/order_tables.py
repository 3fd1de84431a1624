"""The tables of orders, of the services that they make, and of the listeners that want to hear of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import JSON, Connection, DateTime, ForeignKey, Index, String, Table, bindparam, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from presto.persistence.event_tables import Sequence
from presto.persistence.tables import Base
from presto.persistence.tenancy import Owned


class OrderRow(Owned, Base):
    """An order as acknowledged; `service` and `generation` say which change of which SWVC carries it out.

    `replaced` is what it changes, to go back to: the SWVC before, and what was requested of the services that it
    names, by their ids (`ElementRow.requested`).
    """

    __tablename__ = "presto_orders"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    ordered: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    started: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    completed: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    service: Mapped[str] = mapped_column(String(36), index=True)
    generation: Mapped[int]
    document: Mapped[Any] = mapped_column(JSON)
    replaced: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)


class ItemRow(Base):
    """An item of an order; `element` is the id of its service, `end_point` the end point that decides its end.

    `item` is the item's id in the order, `fault` why it failed.
    """

    __tablename__ = "presto_order_items"

    order: Mapped[str] = mapped_column(ForeignKey("presto_orders.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    item: Mapped[str]
    action: Mapped[str] = mapped_column(String(8))
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    end_point: Mapped[str | None] = mapped_column(String(53))
    element: Mapped[str | None] = mapped_column(String(64))
    fault: Mapped[str | None]


class ElementRow(Owned, Base):
    """A service of the inventory: an SWVC, or an end point of one. It outlives the SWVC, as `terminated`.

    `requested` is what the last order says of it, without the payload once another API has changed the SWVC;
    `generation` is the change that made the last SWVC that it was part of (`SwvcRow`).
    """

    __tablename__ = "presto_elements"
    # The order of the inventory's pages: to skip to one of them reads the index alone.
    __table_args__ = (Index("ix_presto_elements_page", "created", "kind", "id"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    service: Mapped[str] = mapped_column(String(36), index=True)
    identifier: Mapped[str] = mapped_column(String(53))
    state: Mapped[str] = mapped_column(String(20), index=True)
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    started: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    requested: Mapped[Any] = mapped_column(JSON)
    generation: Mapped[int]


class ElementOrderRow(Base):
    """An item that ordered something of a service; `item` is its id, of any length and so no key.

    `attributes` are what it says of an enrolled resource, beside what the inventory of uCPEs tells of that.
    """

    __tablename__ = "presto_element_orders"

    element: Mapped[str] = mapped_column(String(64), primary_key=True)
    order: Mapped[str] = mapped_column(ForeignKey("presto_orders.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    item: Mapped[str]
    attributes: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)


class ListenerRow(Owned, Base):
    """Somebody who wants to hear of events of one API (`ordering` or `inventory`).

    `cursor` is the sequence number up to which it has had its events. While it does not take them, `failures` counts
    attempts in a row, the first one `failing_since`, and `fault` is what the last one came to.
    """

    __tablename__ = "presto_listeners"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    api: Mapped[str] = mapped_column(String(16))
    callback: Mapped[str]
    query: Mapped[str | None]
    cursor: Mapped[int] = mapped_column(Sequence, index=True)
    failures: Mapped[int]
    failing_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    fault: Mapped[str | None]


class SwvcRow(Base):
    """The document of an SWVC as a change made it; it stays as long as an element was last part of that."""

    __tablename__ = "presto_swvcs"

    service: Mapped[str] = mapped_column(String(36), primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document: Mapped[Any] = mapped_column(JSON)


SWVCS, _ELEMENTS = cast(Table, SwvcRow.__table__), cast(Table, ElementRow.__table__)
_USED = select(_ELEMENTS.c.generation).where(_ELEMENTS.c.service == bindparam("its_service"))
_DROP = delete(SWVCS).where(SWVCS.c.service == bindparam("its_service"), SWVCS.c.generation.not_in(_USED))


def drop_unused(connection: Connection, service: str) -> None:
    """Forget the documents of a service that no element is part of any more."""
    connection.execute(_DROP, {"its_service": service})


def documents(connection: Connection, changes: Collection[tuple[str, int]]) -> Mapping[tuple[str, int], Any]:
    """The SWVCs that these changes made, by the id of the service and the number of the change; each is read once."""
    services, generations = ({change[part] for change in changes} for part in (0, 1))
    query = select(SWVCS).where(SWVCS.c.service.in_(services), SWVCS.c.generation.in_(generations))
    return {(row.service, row.generation): row.document for row in connection.execute(query)}
