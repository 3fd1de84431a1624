"""Cancelling orders: what has not begun never will, and what is under way is taken back behind it.

The published graphs know no state for it: an order that has not begun ends `rejected`, one that has ends `failed`.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from common.findings import Finding, Rejected, Tag
from presto.domain.credentials import utc_now
from presto.domain.model import Service, State, Swvc
from presto.persistence.order_follow import end_order, taking_back
from presto.persistence.order_tables import OrderRow
from presto.persistence.store import Store, swvc_of
from presto_api.lifecycles import ENDED, OrderState

CANCELLED = "cancelled before it began"
TAKEN_BACK = "cancelled while it was under way, and taken back"


def cancel(store: Store, session: Session, order_id: str) -> str | None:
    """End an order in a change that is being made; returns the id of its service when there is work to do for it.

    Raises Rejected when there is no such order, or when it is too late, and sqlalchemy.exc.IntegrityError when another
    service has taken what the service had before.
    """
    order = session.get(OrderRow, order_id)
    if order is None:
        message = f'There is no order "{order_id[:64]}"'
        raise Rejected([Finding(Tag.NOT_FOUND, ("order",), message, "Look at the orders.")])
    service = store.find(order.service)
    began = OrderState(order.state) is not OrderState.ACKNOWLEDGED
    if fault := _too_late(order, service):
        raise Rejected([Finding(Tag.IN_USE, ("order",), fault, "Order the opposite instead.")])
    if service is None:
        raise LookupError(f"service {order.service} of the open order {order_id} is gone")
    before = swvc_of(order.replaced["swvc"]) if order.replaced else None
    state, reason = (OrderState.FAILED, TAKEN_BACK) if began else (OrderState.REJECTED, CANCELLED)
    end_order(session, order.service, order_id, state, reason)
    if before is None and not began:
        store.remove(service)
        return None
    with taking_back(session, order):
        store.save(_behind(service, before))
    return service.id


def _too_late(order: OrderRow, service: Service | None) -> str | None:
    if OrderState(order.state) in ENDED:
        return f"The order has ended: it is {order.state}"
    if service is None or service.generation != order.generation:
        return "The order is not the present change of an SWVC"
    if service.state is State.REMOVING:
        return "A removal cannot be stopped: parts of the service may be gone"
    return None


def _behind(service: Service, before: Swvc | None) -> Service:
    """The next change of the service, which leads back: to what it was, or to nothing.

    The work under way comes to its own end first; what follows is done by difference to what is there then.
    """
    back = replace(service, generation=service.generation + 1, changed=utc_now(), error=None)
    return replace(back, swvc=before, state=State.ACCEPTED) if before else replace(back, state=State.REMOVING)
