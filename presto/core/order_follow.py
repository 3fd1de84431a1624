"""Orders and the inventory follow the services, in the very transaction that changes a service, whoever changes it.

The rows of services are watched as they are written. So an order is stored with the change that it asks for or not at
all, what the work came to decides its items at once, and services ordered through other faces are in the inventory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, event, insert, select, update
from sqlalchemy.orm import Mapper

from presto.core.credentials import utc_now
from presto.core.lifecycles import ENDED, SERVICE_GRAPH, OrderState, ServiceState, aggregate, service_state, step, steps
from presto.core.model import ON_ITS_WAY_OUT, UNFINISHED, State
from presto.core.order_tables import ElementOrderRow, ElementRow, ItemRow, OrderRow
from presto.core.tables import ServiceRow

SWVC, END_POINT, UNI = "swvc", "swvc-end-point", "sd-wan-uni"
"""The kinds of elements, by the names of their W100 payloads; UNIs come from the inventory of uCPEs."""

SUPERSEDED = "a later change of the service took its place before it was finished"


@dataclass(frozen=True)
class NewItem:
    """An item to be stored with its order; `end_point` decides how it ends, none: the SWVC does.

    `asked` is what the item says of its service; `element` is known for UNIs only.
    """

    id: str
    action: str
    kind: str
    end_point: str | None
    asked: Mapping[str, Any]
    element: str | None = None


@dataclass(frozen=True)
class NewOrder:
    """An order to be stored; `document` is what the client sent."""

    id: str
    document: Mapping[str, Any]
    items: tuple[NewItem, ...]


# Holds the order until the first write takes it: tasks that start meanwhile carry the context on.
_placed: ContextVar[list[NewOrder] | None] = ContextVar("presto_placed_order", default=None)


@contextmanager
def placed(order: NewOrder) -> Iterator[None]:
    """The change of a service that is made inside carries this order out, and is stored together with it."""
    token = _placed.set([order])
    try:
        yield
    finally:
        _placed.reset(token)


@event.listens_for(ServiceRow, "after_insert")
@event.listens_for(ServiceRow, "after_update")
def follow(_mapper: Mapper[ServiceRow] | None, connection: Connection, row: ServiceRow) -> None:
    """A service was written: its elements and orders go with it."""
    waiting = _placed.get()
    order = waiting.pop() if waiting else None
    elements = _follow_elements(connection, row, order)
    if order:
        _store_order(connection, row, order, elements)
    _follow_orders(connection, row)


@event.listens_for(ServiceRow, "after_delete")
def _gone(_mapper: Mapper[ServiceRow], connection: Connection, row: ServiceRow) -> None:
    for element in _live(connection, row.id):
        _terminate(connection, element, row.changed)
    for order in _open_orders(connection, row.id):
        _end(connection, order.id, {item.number: (OrderState.COMPLETED, None) for item in _items(connection, order.id)})


def _live(connection: Connection, service: str) -> list[Row[Any]]:
    query = select(ElementRow.__table__).where(
        ElementRow.service == service, ElementRow.state != ServiceState.TERMINATED
    )
    return list(connection.execute(query))


def _follow_elements(connection: Connection, row: ServiceRow, order: NewOrder | None) -> dict[tuple[str, str], str]:
    """Bring the elements in line; returns their ids by kind and end point."""
    live = {(element.kind, _key(element.kind, element.identifier)): element for element in _live(connection, row.id)}
    asked = {(item.kind, item.end_point or ""): item.asked for item in order.items if item.asked} if order else {}
    wanted = [(SWVC, row.name), *((END_POINT, end["identifier"]) for end in row.document["end_points"])]
    ids = {place: element.id for place, element in live.items()}
    for kind, identifier in wanted:
        place = (kind, _key(kind, identifier))
        element = live.pop(place, None)
        values = _values(row, kind, identifier, element, asked.get(place), ordered=order is not None)
        if element:
            connection.execute(update(ElementRow).where(ElementRow.id == element.id).values(**values))
        else:
            ids[place] = row.id if kind == SWVC else str(uuid4())
            first = {"id": ids[place], "kind": kind, "service": row.id, "created": row.changed}
            connection.execute(insert(ElementRow).values(**first, **values))
    if State(row.state) not in UNFINISHED:
        for element in live.values():
            _terminate(connection, element, row.changed)
    return ids


def _key(kind: str, identifier: str) -> str:
    return "" if kind == SWVC else identifier


def _values(
    row: ServiceRow,
    kind: str,
    identifier: str,
    element: Row[Any] | None,
    asked: Mapping[str, Any] | None,
    *,
    ordered: bool,
) -> dict[str, Any]:
    known: Mapping[str, Any] = asked or (element.asked if element else {})
    if not ordered and element and element.generation < row.generation:
        known = {name: value for name, value in known.items() if name != "serviceConfiguration"}
    before = ServiceState(element.state) if element else None
    wish = ServiceState.ACTIVE
    if row.document["locked"]:
        wish = ServiceState.RESERVED if known.get("state") == ServiceState.RESERVED else ServiceState.INACTIVE
    after = service_state(before, working=_working(row, kind, identifier), ordered=wish)
    if before not in {None, after}:
        step(SERVICE_GRAPH, before or after, after)
    started = element.started if element else None
    return {
        "identifier": identifier,
        "state": after,
        "started": started or (row.changed if after is ServiceState.ACTIVE else None),
        "asked": dict(known),
        "generation": row.generation,
        "swvc": row.document,
    }


def _working(row: ServiceRow, kind: str, identifier: str) -> bool:
    if State(row.state) in ON_ITS_WAY_OUT or State(row.state) is State.LOCKED:
        return False
    working = {name for name, end in row.end_points.items() if end["working"]}
    return len(working) > 1 if kind == SWVC else identifier in working


def _terminate(connection: Connection, element: Row[Any], now: datetime) -> None:
    state = step(SERVICE_GRAPH, ServiceState(element.state), ServiceState.TERMINATED)
    connection.execute(update(ElementRow).where(ElementRow.id == element.id).values(state=state, ended=now))


def _store_order(
    connection: Connection, row: ServiceRow, order: NewOrder, elements: Mapping[tuple[str, str], str]
) -> None:
    values = {"id": order.id, "state": OrderState.ACKNOWLEDGED, "ordered": row.changed, "document": order.document}
    connection.execute(insert(OrderRow).values(**values, service=row.id, generation=row.generation))
    for number, item in enumerate(order.items):
        element = item.element or elements[item.kind, item.end_point or ""]
        entry = {"number": number, "action": item.action, "kind": item.kind, "end_point": item.end_point}
        state = OrderState.ACKNOWLEDGED
        connection.execute(insert(ItemRow).values(order=order.id, **entry, state=state, element=element))
        connection.execute(insert(ElementOrderRow).values(element=element, order=order.id, item=item.id))


def _open_orders(connection: Connection, service: str) -> list[Row[Any]]:
    query = select(OrderRow.id, OrderRow.generation).where(OrderRow.service == service, OrderRow.state.not_in(ENDED))
    return list(connection.execute(query))


def _items(connection: Connection, order: str) -> list[Row[Any]]:
    query = select(ItemRow.__table__).where(ItemRow.order == order).order_by(ItemRow.number)
    return list(connection.execute(query))


def _follow_orders(connection: Connection, row: ServiceRow) -> None:
    for order in _open_orders(connection, row.id):
        items = _items(connection, order.id)
        if order.generation < row.generation:
            _end(connection, order.id, {item.number: (OrderState.FAILED, SUPERSEDED) for item in items})
        elif State(row.state) is State.DEPLOYING:
            _end(connection, order.id, {item.number: (OrderState.IN_PROGRESS, None) for item in items})
        elif State(row.state) not in UNFINISHED:
            _end(connection, order.id, {item.number: _outcome(row, item) for item in items})


def _outcome(row: ServiceRow, item: Row[Any]) -> tuple[OrderState, str | None]:
    """How an item ended, from how the work ended: at its end point, or for the SWVC as a whole."""
    state = State(row.state)
    if state in {State.ACTIVE, State.LOCKED}:
        return OrderState.COMPLETED, None
    faults = {name: end["error"] for name, end in row.end_points.items() if end.get("error")}
    error = row.error or f"the work ended {state.value}"
    if state is not State.PARTIAL:
        return OrderState.FAILED, faults.get(item.end_point, error)
    if item.end_point in row.end_points:
        fault = faults.get(item.end_point)
    elif item.kind == SWVC and faults:
        fault = error if len(row.end_points) - len(faults) < 2 else None
    else:
        fault = None if faults else error
    return (OrderState.FAILED, fault) if fault else (OrderState.COMPLETED, None)


def _end(connection: Connection, order: str, outcomes: Mapping[int, tuple[OrderState, str | None]]) -> None:
    """Take the items of an order to these states, step by step as the graph allows, and the order with them."""
    states = []
    for item in _items(connection, order):
        there, fault = outcomes[item.number]
        walked = steps(OrderState(item.state), there)
        states.append(walked[-1] if walked else OrderState(item.state))
        where = (ItemRow.order == order, ItemRow.number == item.number)
        connection.execute(update(ItemRow).where(*where).values(state=states[-1], fault=fault))
    state = aggregate(states)
    now = utc_now()
    values: dict[str, Any] = {"state": state, **({"completed": now} if state in ENDED else {})}
    connection.execute(update(OrderRow).where(OrderRow.id == order).values(**values))
    started = update(OrderRow).where(OrderRow.id == order, OrderRow.started.is_(None))
    connection.execute(started.values(started=now))
