"""From the body of a POST to an acknowledged order, or to everything that is wrong with it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from presto.core.core import Core
from presto.core.credentials import utc_now
from presto.core.findings import Rejected
from presto.core.model import State
from presto.core.order_follow import NewItem, NewOrder, placed
from presto.core.order_tables import ElementRow
from presto.core.orders import ElementRecord, OrderRecord, Orders
from presto.mef.envelope import Order
from presto.mef.items import Item, check_items, check_order, service_ids
from presto.mef.payload import Kind
from presto.mef.plan import Plan, make_plan
from presto.mef.problems import Problem, Refused, from_finding
from presto.mef.wire import validate

_NOT_KEPT = {"id", "href", "serviceRelationship", "serviceOrderItem"}
"""What an item says of its service and the inventory tells from elsewhere."""


async def place(core: Core, orders: Orders, document: dict[str, Any]) -> OrderRecord:
    """Check an order completely and have it carried out. Raises Refused."""
    order, problems = validate(Order, document)
    if order is None:
        raise Refused(problems)
    elements = await _elements(orders, service_ids(order))
    problems = list(check_order(order, utc_now()))
    items, more = check_items(order, elements)
    known = [item.id for item in order.service_order_item]
    plan, unfitting = make_plan(items, known, elements, core.inventory)
    problems += [*more, *unfitting]
    if problems:
        whole = len(items) == len(known)
        raise Refused([*problems, *(await _findings(core, plan) if whole else ())])
    new = NewOrder(str(uuid4()), document, tuple(_new_item(item, plan, document) for item in items))
    await _carry_out(core, plan, new)
    found = await orders.order(new.id)
    if found is None:
        raise LookupError(f"order {new.id} was not stored")
    return found


async def _elements(orders: Orders, ids: set[str]) -> dict[str, ElementRecord]:
    if not ids:
        return {}
    found, _ = await orders.elements([ElementRow.id.in_(ids)], 0, len(ids))
    return {element.id: element for element in found}


async def _findings(core: Core, plan: Plan) -> list[Problem]:
    """What the core would say as well, when the SWVC can be understood at all."""
    if plan.verb != "create" or plan.parts is None:
        return []
    findings = await asyncio.to_thread(core.findings, plan.result(None))
    # A finding without a place of its own is about end points that could not be understood, and were told.
    told = [finding for finding in findings if finding.path[:1] != ("end_points",) or len(finding.path) > 2]
    told = [finding for finding in told if finding.path[-1:] != ("uni",) or plan.ends_known(finding.path)]
    return [from_finding(finding, plan.places) for finding in told]


def _new_item(item: Item, plan: Plan, document: dict[str, Any]) -> NewItem:
    service = document["serviceOrderItem"][item.number]["service"]
    asked = {name: value for name, value in service.items() if name not in _NOT_KEPT}
    end_point: str | None = None
    element: str | None = None
    if item.kind is Kind.UNI:
        end_point, element = plan.uni_ends[item.number], plan.unis[item.number].id
    elif item.kind is Kind.END_POINT:
        ordered = plan.ends.get(item.number)
        end_point = ordered.identifier if ordered else (item.element.identifier if item.element else None)
    return NewItem(item.wire.id, item.wire.action, item.kind, end_point, asked, element)


async def _carry_out(core: Core, plan: Plan, new: NewOrder) -> None:
    try:
        with placed(new):
            if plan.verb == "create":
                await core.create(plan.result(None))
            elif plan.verb == "update":
                await core.update(plan.service or "", plan.result)
            else:
                await _delete(core, plan.service or "")
    except Rejected as rejected:
        raise Refused(from_finding(finding, plan.places) for finding in rejected.findings) from None


async def _delete(core: Core, service_id: str) -> None:
    service = await core.service(service_id)
    if service.state is State.REMOVING:
        hint = "Wait until it is gone."
        raise Refused([Problem("otherIssue", ("serviceOrderItem",), "The service is being removed", hint)])
    await core.delete(service_id)
