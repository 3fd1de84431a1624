"""Orders go on with the services that carry them out, in the transaction that changes a service.

An order is stored with the change that it asks for or not at all; what the work came to decides its items at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Row, Table, bindparam, select, update

from presto.domain.credentials import utc_now
from presto.domain.model import UNFINISHED, State
from presto.persistence.events import NewEvent
from presto.persistence.idempotency import ExternalIdRow, external_digest
from presto.persistence.inventory_projection import END_POINT, SWVC
from presto.persistence.order_tables import ElementOrderRow, ItemRow, OrderRow
from presto.persistence.projected_events import order_events
from presto.persistence.tables import ServiceRow
from presto.persistence.tenancy import owner
from presto.persistence.unit_of_work import NewItem, StoredOrder, UnitOfWork
from presto_api.lifecycles import ENDED, OrderState, aggregate, steps

_NAMED = 5
"""End points that a sentence names."""

SUPERSEDED = "a later change of the service took its place before it was finished"

_ORDERS, _ITEMS, _LINKS, _EXTERNAL_IDS = (
    cast(Table, row.__table__) for row in (OrderRow, ItemRow, ElementOrderRow, ExternalIdRow)
)
# Statements are made once, because to make one costs more than to carry it out.
_END_ITEM = update(_ITEMS).where(_ITEMS.c.order == bindparam("its_order"), _ITEMS.c.number == bindparam("its_number"))
_END_ORDER = update(_ORDERS).where(_ORDERS.c.id == bindparam("its_id"))
_START_ORDER = _END_ORDER.where(_ORDERS.c.started.is_(None))
_OPEN = select(_ORDERS.c.id, _ORDERS.c.state, _ORDERS.c.service, _ORDERS.c.generation, _ORDERS.c.tenant).where(
    _ORDERS.c.service == bindparam("its_service"), _ORDERS.c.state.not_in(ENDED)
)
_ITEMS_OF = select(_ITEMS).where(_ITEMS.c.order == bindparam("its_order")).order_by(_ITEMS.c.number)

Outcomes = Mapping[int, tuple[OrderState, str | None]]
"""How each item of an order ends, by its number, with the fault if there is one."""


def store_order(
    unit: UnitOfWork, stored: StoredOrder, *, service: str, generation: int, tenant: str, replaced: Any = None
) -> None:
    """Store an order as acknowledged, with its items and what they are about."""
    order, elements = stored.order, stored.elements
    values = {"id": order.id, "state": OrderState.ACKNOWLEDGED, "document": order.document, "ordered": stored.ordered}
    place = {"service": service, "generation": generation, "tenant": tenant, "replaced": replaced}
    unit.insert(_ORDERS, [{**values, **place}])
    if order.external_id:
        digest = external_digest(order.external_id)
        unit.insert(_EXTERNAL_IDS, [{"owner": owner(), "digest": digest, "order": order.id}])
    items = list(enumerate(zip(order.items, elements, strict=True)))
    unit.insert(_ITEMS, [_item(order.id, number, item, element) for number, (item, element) in items])
    links = [
        {"element": element, "order": order.id, "number": number, "item": item.id, "attributes": item.attributes}
        for number, (item, element) in items
    ]
    unit.insert(_LINKS, links)
    unit.order = stored


def _item(order: str, number: int, item: NewItem, element: str) -> dict[str, Any]:
    return {
        "order": order,
        "number": number,
        "item": item.id,
        "action": item.action,
        "kind": item.kind,
        "end_point": item.end_point,
        "state": OrderState.ACKNOWLEDGED,
        "element": element,
    }


def open_orders(unit: UnitOfWork, service: str) -> list[Row[Any]]:
    """The orders of a service that have not ended."""
    return list(unit.connection.execute(_OPEN, {"its_service": service}))


def items_of(unit: UnitOfWork, order: str) -> list[Row[Any]]:
    """The items of an order."""
    return list(unit.connection.execute(_ITEMS_OF, {"its_order": order}))


def follow_service(unit: UnitOfWork, row: ServiceRow, *, repeated: bool = False) -> list[NewEvent]:
    """Bring the open orders of a service in line with it; returns what happened.

    `repeated`: an order was just stored that may ask once more for a removal which is under way.
    """
    heard: list[NewEvent] = []
    orders = open_orders(unit, row.id)
    for order in orders:
        items = items_of(unit, order.id)
        if order.generation < row.generation:
            heard += end(unit, order, items, {item.number: (OrderState.FAILED, SUPERSEDED) for item in items})
        elif State(row.state) is State.DEPLOYING or (repeated and _is_removed(row, orders)):
            heard += end(unit, order, items, {item.number: (OrderState.IN_PROGRESS, None) for item in items})
        elif State(row.state) not in UNFINISHED:
            faults = {name: ended["error"] for name, ended in row.end_points.items() if ended.get("error")}
            heard += end(unit, order, items, {item.number: _outcome(row, item, faults) for item in items})
    return heard


def _is_removed(row: ServiceRow, orders: Sequence[Row[Any]]) -> bool:
    """Whether work on the removal that an order asks for once more is under way already."""
    same = (order for order in orders if order.generation == row.generation)
    return State(row.state) is State.REMOVING and any(order.state == OrderState.IN_PROGRESS for order in same)


def begin_removal(unit: UnitOfWork, row: ServiceRow) -> list[NewEvent]:
    """The work on a removal begins: the orders that ask for it are in progress."""
    heard: list[NewEvent] = []
    for order in open_orders(unit, row.id):
        if order.generation == row.generation:
            heard += end_alike(unit, order, OrderState.IN_PROGRESS)
    return heard


def _outcome(row: ServiceRow, item: Row[Any], faults: Mapping[str, str]) -> tuple[OrderState, str | None]:
    """How an item ended, from how the work ended: at its end point, or for the SWVC as a whole."""
    state = State(row.state)
    if state in {State.ACTIVE, State.LOCKED}:
        return OrderState.COMPLETED, None
    error = row.error or f"the work ended {state.value}"
    fault = _fault(item, faults, error)
    if state is not State.PARTIAL:
        return OrderState.FAILED, fault
    if item.end_point in row.end_points:
        failed = item.end_point in faults
    elif item.kind == SWVC and faults:
        failed = len(row.end_points) - len(faults) < 2
    else:
        failed = not faults
    return (OrderState.FAILED, fault) if failed else (OrderState.COMPLETED, None)


def _fault(item: Row[Any], faults: Mapping[str, str], error: str) -> str:
    """Why an item failed: what went wrong at an end point stands with that one, the others name it."""
    if item.kind == END_POINT or not faults:
        return faults.get(item.end_point, error)
    failed = [name for name in faults if item.kind == SWVC or name == item.end_point]
    if not failed:
        return error
    if len(failed) == 1:
        return f"end point {failed[0]} does not work"
    more = f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
    return f"end points {', '.join(failed[:_NAMED])}{more} do not work"


def end_alike(unit: UnitOfWork, order: Row[Any], state: OrderState, fault: str | None = None) -> list[NewEvent]:
    """Take all items of an order to one state; returns what happened."""
    items = items_of(unit, order.id)
    return end(unit, order, items, {item.number: (state, fault) for item in items})


def end(unit: UnitOfWork, order: Row[Any], items: Sequence[Row[Any]], outcomes: Outcomes) -> list[NewEvent]:
    """Take the items of an order to these states, step by step as the graph allows, and the order with them."""
    walks = [steps(OrderState(item.state), outcomes[item.number][0]) for item in items]
    states = [walked[-1] if walked else OrderState(item.state) for item, walked in zip(items, walks, strict=True)]
    ends = [
        {"its_order": order.id, "its_number": item.number, "state": state, "fault": outcomes[item.number][1]}
        for item, state in zip(items, states, strict=True)
    ]
    unit.connection.execute(_END_ITEM, ends)
    state, now = aggregate(states), utc_now()
    completed = {"completed": now} if state in ENDED else {}
    unit.connection.execute(_END_ORDER, {"its_id": order.id, "state": state, **completed})
    if state is not OrderState.REJECTED:
        unit.connection.execute(_START_ORDER, {"its_id": order.id, "started": now})
    return order_events(order, items, walks)
