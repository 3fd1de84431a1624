"""Cancelling orders: what has not begun never will, and what is under way is taken back behind it.

The published graphs know no state for it: an order that has not begun ends `rejected`, one that has ends `failed`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from common.findings import Finding, Rejected, Tag
from presto.domain.credentials import utc_now
from presto.domain.model import Service, State, Swvc
from presto.persistence import service_writes
from presto.persistence.inventory_projection import live_elements
from presto.persistence.order_progress import end_alike, open_orders
from presto.persistence.order_tables import OrderRow
from presto.persistence.service_rows import swvc_of
from presto.persistence.store import Store
from presto.persistence.unit_of_work import UnitOfWork
from presto_api.lifecycles import ENDED, OrderState

CANCELLED = "cancelled before it began"
TAKEN_BACK = "cancelled while it was under way, and taken back"


def cancel(unit: UnitOfWork, store: Store, order_id: str) -> None:
    """End an order; the unit of work has its service when there is work to do for it.

    Raises Rejected when there is no such order, or when it is too late, and sqlalchemy.exc.IntegrityError when another
    service has taken what the service had before.
    """
    order = unit.session.get(OrderRow, order_id)
    if order is None:
        message = f'There is no order "{order_id[:64]}"'
        raise Rejected([Finding(Tag.NOT_FOUND, ("order",), message, "Look at the orders.")])
    service = store.find(order.service, unit.session)
    began = OrderState(order.state) is not OrderState.ACKNOWLEDGED
    if fault := _too_late(order, service):
        raise Rejected([Finding(Tag.IN_USE, ("order",), fault, "Order the opposite instead.")])
    if service is None:
        raise LookupError(f"service {order.service} of the open order {order_id} is gone")
    before = swvc_of(order.replaced["swvc"]) if order.replaced else None
    state, reason = (OrderState.FAILED, TAKEN_BACK) if began else (OrderState.REJECTED, CANCELLED)
    for row in open_orders(unit, order.service):
        if row.id == order_id:
            unit.record(row.tenant, end_alike(unit, row, state, reason))
    if before is None and not began:
        service_writes.remove(unit, service)
    else:
        service_writes.replace(unit, _behind(service, before), restored=_requested_before(unit, order))


def _too_late(order: OrderRow, service: Service | None) -> str | None:
    if OrderState(order.state) in ENDED:
        return f"The order has ended: it is {order.state}"
    if service is None or service.generation != order.generation:
        return "The order is not the present change of an SWVC"
    if service.state is State.REMOVING:
        return "A removal cannot be stopped: parts of the service may be gone"
    return None


def _requested_before(unit: UnitOfWork, order: OrderRow) -> dict[str, Any]:
    """What was requested of each element of a service before an order, by its id."""
    requested = order.replaced["requested"] if order.replaced else {}
    return {
        element.id: requested.get(element.id, element.requested)
        for element in live_elements(unit.connection, order.service)
    }


def _behind(service: Service, before: Swvc | None) -> Service:
    """The next change of the service, which leads back: to what it was, or to nothing.

    The work under way comes to its own end first; what follows is done by difference to what is there then.
    """
    back = replace(service, generation=service.generation + 1, changed=utc_now(), error=None)
    return replace(back, swvc=before, state=State.ACCEPTED) if before else replace(back, state=State.REMOVING)
