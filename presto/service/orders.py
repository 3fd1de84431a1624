"""Orders and the services that they made: what the ordering and inventory APIs read and write."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, func, select
from sqlalchemy.orm import Session

from presto.persistence.idempotency import ExternalIdRow, external_digest
from presto.persistence.order_tables import ElementOrderRow, ElementRow, ItemRow, OrderRow, documents
from presto.persistence.tables import utc
from presto.persistence.tenancy import owner
from presto.service.background import in_thread
from presto_api.lifecycles import OrderState


@dataclass(frozen=True)
class ItemRecord:
    """Where an item of an order stands; `element` is the id of its service."""

    state: str
    element: str | None
    fault: str | None


@dataclass(frozen=True)
class OrderRecord:
    """An order: what the client sent, and where it stands."""

    id: str
    state: str
    ordered: datetime
    started: datetime | None
    completed: datetime | None
    document: dict[str, Any]
    items: tuple[ItemRecord, ...]


@dataclass(frozen=True)
class ElementRecord:
    """An SWVC or an end point of one; `orders` are pairs of an order's id and its item's id."""

    id: str
    kind: str
    service: str
    identifier: str
    state: str
    created: datetime
    started: datetime | None
    ended: datetime | None
    requested: dict[str, Any]
    swvc: dict[str, Any]
    orders: tuple[tuple[str, str], ...]


class Orders:
    """What the core's database holds beside its services."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def order(self, order_id: str) -> OrderRecord | None:
        """The order of that id."""
        found, _ = await self.orders([OrderRow.id == order_id], 0, 1)
        return found[0] if found else None

    @in_thread
    def orders(self, where: Sequence[ColumnElement[bool]], offset: int, limit: int) -> tuple[list[OrderRecord], int]:
        """A page of the orders that satisfy all conditions, oldest first, and how many there are."""
        with Session(self._engine) as session:
            total = session.scalar(select(func.count()).select_from(OrderRow).where(*where)) or 0
            query = select(OrderRow).where(*where).order_by(OrderRow.ordered, OrderRow.id).offset(offset).limit(limit)
            rows = list(session.scalars(query))
            items = select(ItemRow).where(ItemRow.order.in_([row.id for row in rows])).order_by(ItemRow.number)
            by_order: dict[str, list[ItemRecord]] = {row.id: [] for row in rows}
            for item in session.scalars(items):
                by_order[item.order].append(ItemRecord(item.state, item.element, item.fault))
            return [_order(row, by_order[row.id]) for row in rows], total

    @in_thread
    def elements_of(self, ids: Collection[str]) -> dict[tuple[str, str], str]:
        """The ids of services by the order and the item that ordered something of them, for orders of these ids."""
        link = ElementOrderRow
        query = select(link.order, link.item, link.element).join(OrderRow).where(OrderRow.id.in_(ids))
        with Session(self._engine) as session:
            return {(row.order, row.item): row.element for row in session.execute(query)}

    @in_thread
    def known(self, ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that orders have."""
        with Session(self._engine) as session:
            return frozenset(session.scalars(select(OrderRow.id).where(OrderRow.id.in_(ids))))

    @in_thread
    def of_service(self, service: str) -> dict[int, str]:
        """Change of a service → the id of the order that asked for it."""
        query = select(OrderRow.generation, OrderRow.id).where(OrderRow.service == service)
        with Session(self._engine) as session:
            return {row.generation: row.id for row in session.execute(query)}

    async def placed_as(self, external_id: str) -> OrderRecord | None:
        """The order that was placed under the client's own id, where those may stand for one order only."""
        mine = (ExternalIdRow.owner == owner(), ExternalIdRow.digest == external_digest(external_id))
        found, _ = await self.orders([OrderRow.id.in_(select(ExternalIdRow.order).where(*mine))], 0, 1)
        return found[0] if found else None

    @in_thread
    def elements(
        self, where: Sequence[ColumnElement[bool]], offset: int, limit: int
    ) -> tuple[list[ElementRecord], int]:
        """A page of the SWVCs and end points that satisfy all conditions, oldest first, and how many there are."""
        with Session(self._engine) as session:
            total = session.scalar(select(func.count()).select_from(ElementRow).where(*where)) or 0
            place = (ElementRow.created, ElementRow.kind, ElementRow.id)
            page = select(ElementRow.id).where(*where).order_by(*place).offset(offset).limit(limit)
            rows = session.execute(select(*_SHOWN).where(ElementRow.id.in_(page)).order_by(*place)).all()
            by_element: dict[str, list[tuple[str, str]]] = {row.id: [] for row in rows}
            links = select(ElementOrderRow).where(ElementOrderRow.element.in_(by_element))
            for link in session.scalars(links.join(OrderRow).order_by(OrderRow.ordered)):
                by_element[link.element].append((link.order, link.item))
            swvcs = documents(session.connection(), {(row.service, row.generation) for row in rows})
            return [_element(row, by_element[row.id], swvcs[row.service, row.generation]) for row in rows], total

    async def items_for(self, elements: Collection[str]) -> dict[str, tuple[tuple[str, str], ...]]:
        """The orders and items that ordered something of services, by the ids of those of which any did."""
        return await asyncio.to_thread(self._items_for, elements) if elements else {}

    async def attributes_of(self, resources: Collection[str]) -> dict[str, dict[str, Any]]:
        """What orders said last of enrolled resources, beside their payloads, by the ids of those of which any did."""
        return await asyncio.to_thread(self._attributes, [ElementOrderRow.element.in_(resources)]) if resources else {}

    async def with_attributes(self, members: Mapping[str | tuple[str, ...], str]) -> dict[str, dict[str, Any]]:
        """As `attributes_of`, of the enrolled resources of which an order ever said that these attributes are so.

        A member inside others is a tuple of their names.
        """
        where = (ElementOrderRow.attributes[name].as_string() == value for name, value in members.items())
        ever = select(ElementOrderRow.element).where(ElementOrderRow.attributes.is_not(None), *where)
        return await asyncio.to_thread(self._attributes, [ElementOrderRow.element.in_(ever)])

    def _items_for(self, elements: Collection[str]) -> dict[str, tuple[tuple[str, str], ...]]:
        link = ElementOrderRow
        query = select(link.element, link.order, link.item).join(OrderRow).where(link.element.in_(elements))
        found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        with Session(self._engine) as session:
            for row in session.execute(query.order_by(OrderRow.ordered)):
                found[row.element].append((row.order, row.item))
        return {element: tuple(items) for element, items in found.items()}

    def _attributes(self, where: Sequence[ColumnElement[bool]]) -> dict[str, dict[str, Any]]:
        """The last word is that of an order that was not in vain."""
        link, item = ElementOrderRow, ItemRow
        query = select(link.element, link.attributes).join(OrderRow, link.order == OrderRow.id)
        query = query.join(item, (item.order == link.order) & (item.number == link.number))
        vain = item.state.in_((OrderState.REJECTED, OrderState.FAILED))
        with Session(self._engine) as session:
            rows = session.execute(query.where(*where, link.attributes.is_not(None), ~vain).order_by(OrderRow.ordered))
            return {row.element: row.attributes for row in rows}


def _order(row: OrderRow, items: list[ItemRecord]) -> OrderRecord:
    ordered = utc(row.ordered)
    return OrderRecord(row.id, row.state, ordered, _utc(row.started), _utc(row.completed), row.document, tuple(items))


_SHOWN = (
    ElementRow.id,
    ElementRow.kind,
    ElementRow.service,
    ElementRow.identifier,
    ElementRow.state,
    ElementRow.created,
    ElementRow.started,
    ElementRow.ended,
    ElementRow.requested,
    ElementRow.generation,
)
"""What is read of an element: columns cost less than objects of the session, which nothing here needs."""


def _element(row: Row[Any], orders: list[tuple[str, str]], swvc: dict[str, Any]) -> ElementRecord:
    return ElementRecord(
        id=row.id,
        kind=row.kind,
        service=row.service,
        identifier=row.identifier,
        state=row.state,
        created=utc(row.created),
        started=_utc(row.started),
        ended=_utc(row.ended),
        requested=row.requested,
        swvc=swvc,
        orders=tuple(orders),
    )


def _utc(moment: datetime | None) -> datetime | None:
    return utc(moment) if moment else None
