"""Orders and the inventory follow the services, in the very transaction that changes a service, whoever changes it.

The rows of services are watched as they are written. So an order is stored with the change that it asks for or not at
all, what the work came to decides its items at once, and services ordered through other faces are in the inventory.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, cast

from sqlalchemy import Connection, Row, Table, bindparam, event, insert, select, update
from sqlalchemy.orm import Mapper, Session, object_session

from presto.domain.credentials import utc_now
from presto.domain.model import UNFINISHED, State
from presto.persistence.additions import Additions
from presto.persistence.elements_follow import (
    END_POINT,
    SWVC,
    Live,
    follow_elements,
    live_before,
    live_elements,
    terminate,
)
from presto.persistence.events import EventType, NewEvent, owned, record, record_in
from presto.persistence.events_follow import order_events
from presto.persistence.idempotency import ExternalIdRow, external_digest, wrote
from presto.persistence.new_order import NewItem, NewOrder, Receipt, take_placed
from presto.persistence.order_tables import NEW_SWVC, ElementOrderRow, ItemRow, OrderRow, drop_unused
from presto.persistence.prepared import Prepared
from presto.persistence.tables import LockedUniRow, NewService, ServiceRow
from presto.persistence.tenancy import owner
from presto_api.lifecycles import ENDED, OrderState, ServiceState, aggregate, steps

_TAKEN_BACK = "presto_taken_back"

_NAMED = 5
"""End points that a sentence names."""

SUPERSEDED = "a later change of the service took its place before it was finished"


_ORDERS, _ITEMS, _LINKS = (cast(Table, row.__table__) for row in (OrderRow, ItemRow, ElementOrderRow))
# Statements are made once, because to make one costs more than to carry it out.
_EXTERNAL_IDS = cast(Table, ExternalIdRow.__table__)
_NEW_ORDER, _NEW_ITEM, _NEW_LINK, _NEW_EXTERNAL_ID = (
    Prepared(insert(table)) for table in (_ORDERS, _ITEMS, _LINKS, _EXTERNAL_IDS)
)
_END_ITEM = update(_ITEMS).where(_ITEMS.c.order == bindparam("its_order"), _ITEMS.c.number == bindparam("its_number"))
_END_ORDER = update(_ORDERS).where(_ORDERS.c.id == bindparam("its_id"))
_START_ORDER = _END_ORDER.where(_ORDERS.c.started.is_(None))
_OPEN = select(_ORDERS.c.id, _ORDERS.c.state, _ORDERS.c.service, _ORDERS.c.generation).where(
    _ORDERS.c.service == bindparam("its_service"), _ORDERS.c.state.not_in(ENDED)
)
_ITEMS_OF = select(_ITEMS).where(_ITEMS.c.order == bindparam("its_order")).order_by(_ITEMS.c.number)


def appeared(added: Additions, service: NewService) -> None:
    """A service is added: its elements and the order that asks for it go with it."""
    added.events += owned(service.tenant, _write(added, service, Live(), take_placed()))
    wrote(service=service)


@event.listens_for(ServiceRow, "after_update")
def follow(_mapper: Mapper[ServiceRow] | None, connection: Connection, row: ServiceRow) -> None:
    """A service was written: its elements and orders go with it."""
    added = Additions()
    live = live_before(connection, row)
    receipt = take_placed()
    session = object_session(row)
    back = session.info.get(_TAKEN_BACK, {}) if session else {}
    heard = _write(added, row, live, receipt, back)
    added.write(connection)
    if NEW_SWVC in added.rows:
        drop_unused(connection, row.id)
    _follow_orders(connection, row, heard, receipt)
    record(row, connection, heard)
    wrote(service=row)


@event.listens_for(ServiceRow, "after_delete")
def _gone(_mapper: Mapper[ServiceRow], connection: Connection, row: ServiceRow) -> None:
    heard: list[NewEvent] = []
    added = Additions()
    for element in live_elements(connection, row.id):
        terminate(added, element, utc_now(), heard)
    added.write(connection)
    for order in _open_orders(connection, row.id):
        items = _items(connection, order.id)
        _end(connection, order, {item.number: (OrderState.COMPLETED, None) for item in items}, heard)
    record(row, connection, heard)


@event.listens_for(LockedUniRow, "after_insert")
@event.listens_for(LockedUniRow, "after_update")
def _locked(_mapper: Mapper[LockedUniRow], connection: Connection, row: LockedUniRow) -> None:
    state = ServiceState.TERMINATED if row.ended else ServiceState.INACTIVE
    heard = [NewEvent(EventType.SERVICE_STATE_CHANGE, row.uni, None, state)]
    if row.ended:
        heard.append(NewEvent(EventType.SERVICE_DELETE, row.uni, None, state))
    record(row, connection, heard)


@event.listens_for(LockedUniRow, "after_delete")
def _unlocked(_mapper: Mapper[LockedUniRow], connection: Connection, row: LockedUniRow) -> None:
    record(row, connection, [NewEvent(EventType.SERVICE_STATE_CHANGE, row.uni, None, ServiceState.ACTIVE)])


def _replaced(live: Live, named: Collection[str]) -> dict[str, Any] | None:
    """What an order changes, of a service that there was before it."""
    said = {element.id: element.asked for element in live.elements if element.id in named}
    return live.swvc and {"swvc": live.swvc, "asked": said}


@contextmanager
def taking_back(session: Session, order: OrderRow) -> Iterator[None]:
    """When its service is written inside, what was said of the elements before an order is said of them again."""
    said = order.replaced["asked"] if order.replaced else {}
    live = live_elements(session.connection(), order.service)
    session.info[_TAKEN_BACK] = {element.id: said.get(element.id, element.asked) for element in live}
    try:
        yield
    finally:
        del session.info[_TAKEN_BACK]


def _write(
    added: Additions,
    row: ServiceRow | NewService,
    live: Live,
    receipt: Receipt | None,
    back: Mapping[str, Any] = MappingProxyType({}),
) -> list[NewEvent]:
    """Bring the live elements in line with a service, and store the order that asked for it; returns what happened."""
    if receipt is None:
        _, heard = follow_elements(added, row, live, None, back)
        return heard
    order = receipt.order
    elements, heard = follow_elements(added, row, live, order, back)
    again = any(element.generation == row.generation for element in live.elements)
    receipt.ordered = utc_now() if again else row.changed
    receipt.elements = tuple(item.element or elements[item.kind, item.end_point or ""] for item in order.items)
    place = {"service": row.id, "tenant": row.tenant, "generation": row.generation}
    _store_order(added, receipt, {**place, "replaced": _replaced(live, frozenset(receipt.elements))})
    return [NewEvent(EventType.ORDER_CREATE, order.id, row.id, OrderState.ACKNOWLEDGED), *heard]


def place_lone(session: Session, order: NewOrder) -> Receipt:
    """Store an order that is about no SWVC: it stands for its own service."""
    receipt = Receipt(order, utc_now(), tuple(item.element or "" for item in order.items))
    added = Additions()
    _store_order(added, receipt, {"service": order.id, "generation": 0, "tenant": owner(), "replaced": None})
    added.write(session.connection())
    record_in(session, owned(owner(), [NewEvent(EventType.ORDER_CREATE, order.id, None, OrderState.ACKNOWLEDGED)]))
    return receipt


def lone_orders(session: Session) -> tuple[str, ...]:
    """The ids of orders about no SWVC that have not ended."""
    open_ones = (OrderRow.service == OrderRow.id, OrderRow.state.not_in(ENDED))
    return tuple(session.scalars(select(OrderRow.id).where(*open_ones).order_by(OrderRow.ordered)))


def lone_items(session: Session, order: str) -> list[Row[Any]]:
    """The items of such an order."""
    return _items(session.connection(), order)


def end_lone(session: Session, order_id: str, outcomes: Mapping[int, tuple[OrderState, str | None]]) -> None:
    """End such an order; one that has ended stays so."""
    heard: list[NewEvent] = []
    for order in _open_orders(session.connection(), order_id):
        _end(session.connection(), order, outcomes, heard)
    record(session.get_one(OrderRow, order_id), session.connection(), heard)


def _store_order(added: Additions, receipt: Receipt, place: Mapping[str, Any]) -> None:
    order = receipt.order
    values = {"id": order.id, "state": OrderState.ACKNOWLEDGED, "document": order.document, "ordered": receipt.ordered}
    added.add(_NEW_ORDER, [{**values, **place}])
    if order.external_id:
        digest = external_digest(order.external_id)
        added.add(_NEW_EXTERNAL_ID, [{"owner": owner(), "digest": digest, "order": order.id}])
    items = list(zip(order.items, receipt.elements, strict=True))
    added.add(_NEW_ITEM, [_item(order.id, n, item, element) for n, (item, element) in enumerate(items)])
    links = [
        {"element": element, "order": order.id, "number": number, "item": item.id, "said": item.said}
        for number, (item, element) in enumerate(items)
    ]
    added.add(_NEW_LINK, links)
    wrote(order=receipt)


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


def _open_orders(connection: Connection, service: str) -> list[Row[Any]]:
    return list(connection.execute(_OPEN, {"its_service": service}))


def _items(connection: Connection, order: str) -> list[Row[Any]]:
    return list(connection.execute(_ITEMS_OF, {"its_order": order}))


def _follow_orders(connection: Connection, row: ServiceRow, heard: list[NewEvent], receipt: Receipt | None) -> None:
    """Bring open orders in line with a service; `receipt` is that of the one which this very change stores."""
    orders = _open_orders(connection, row.id)
    for order in orders:
        items = _items(connection, order.id)
        if order.generation < row.generation:
            _end(connection, order, {item.number: (OrderState.FAILED, SUPERSEDED) for item in items}, heard)
        elif State(row.state) is State.DEPLOYING or (receipt and _is_removed(row, orders)):
            _end(connection, order, {item.number: (OrderState.IN_PROGRESS, None) for item in items}, heard)
        elif State(row.state) not in UNFINISHED:
            faults = {name: end["error"] for name, end in row.end_points.items() if end.get("error")}
            _end(connection, order, {item.number: _outcome(row, item, faults) for item in items}, heard)


def _is_removed(row: ServiceRow, orders: Sequence[Row[Any]]) -> bool:
    """Whether work on the removal that an order asks for once more is under way already."""
    same = (order for order in orders if order.generation == row.generation)
    return State(row.state) is State.REMOVING and any(order.state == OrderState.IN_PROGRESS for order in same)


def begin_orders(session: Session, row: ServiceRow) -> None:
    """The work on a removal begins: the orders that ask for it are in progress."""
    connection = session.connection()
    heard: list[NewEvent] = []
    for order in _open_orders(connection, row.id):
        if order.generation == row.generation:
            outcomes = {item.number: (OrderState.IN_PROGRESS, None) for item in _items(connection, order.id)}
            _end(connection, order, outcomes, heard)
    record(row, connection, heard)


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


def _end(
    connection: Connection,
    order: Row[Any],
    outcomes: Mapping[int, tuple[OrderState, str | None]],
    heard: list[NewEvent],
) -> None:
    """Take the items of an order to these states, step by step as the graph allows, and the order with them."""
    items = _items(connection, order.id)
    walks = [steps(OrderState(item.state), outcomes[item.number][0]) for item in items]
    heard += order_events(order, items, walks)
    states = []
    for item, walked in zip(items, walks, strict=True):
        states.append(walked[-1] if walked else OrderState(item.state))
    ends = [
        {"its_order": order.id, "its_number": item.number, "state": state, "fault": outcomes[item.number][1]}
        for item, state in zip(items, states, strict=True)
    ]
    connection.execute(_END_ITEM, ends)
    state = aggregate(states)
    now = utc_now()
    values: dict[str, Any] = {"state": state, **({"completed": now} if state in ENDED else {})}
    connection.execute(_END_ORDER, {"its_id": order.id, **values})
    if state is not OrderState.REJECTED:
        connection.execute(_START_ORDER, {"its_id": order.id, "started": now})


def end_order(session: Session, service: str, order_id: str, state: OrderState, fault: str) -> None:
    """End an open order of a service by itself, all its items alike."""
    connection = session.connection()
    heard: list[NewEvent] = []
    for order in _open_orders(connection, service):
        if order.id == order_id:
            outcomes = {item.number: (state, fault) for item in _items(connection, order_id)}
            _end(connection, order, outcomes, heard)
    record(session.get_one(OrderRow, order_id), connection, heard)
