"""From the body of a POST to an acknowledged order, or to everything that is wrong with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from common.findings import Rejected
from presto.domain.credentials import utc_now
from presto.domain.enrolled import Thing
from presto.domain.model import Service
from presto.mef import show
from presto.mef.enrolled import Taken, beside_an_swvc, take, unmoved, wanted_state
from presto.mef.findings import from_finding
from presto.mef.items import ENROLLED, Item, check_items, check_order, items_elsewhere, service_ids
from presto.mef.plan import Plan, make_plan
from presto.mef.refusals import of_the_core
from presto.mef.relationships import Links
from presto.persistence.ids import new_id
from presto.persistence.new_order import NewItem, NewOrder, Receipt, placed
from presto.persistence.order_tables import ElementRow
from presto.service.core import Core
from presto.service.enrolled_orders import EnrolledState
from presto.service.orders import ElementRecord, ItemRecord, OrderRecord, Orders
from presto_api.lifecycles import OrderState, ServiceState
from presto_api.mef.envelope import Order, OrderItem
from presto_api.mef.payload import Kind
from presto_api.mef.problems import Problem, Refused
from presto_api.mef.wire import validate

_NOT_KEPT = {"id", "href", "serviceRelationship", "serviceOrderItem"}
"""What an item says of its service and the inventory tells from elsewhere."""


async def place(core: Core, orders: Orders, document: dict[str, Any]) -> OrderRecord:
    """Check an order completely and have it carried out. Raises Refused."""
    own_id = _own_id(core, document)
    if own_id and (earlier := await orders.placed_as(own_id)):
        return earlier
    try:
        return await _place(core, orders, document)
    except Refused:
        # The same order, sent twice at once, is in its own way.
        if own_id and (earlier := await orders.placed_as(own_id)):
            return earlier
        raise


def _own_id(core: Core, document: dict[str, Any]) -> str | None:
    """The client's own id for an order, where the operator has it stand for one order only."""
    own_id = document.get("externalId")
    return own_id if core.settings.unique_external_ids and isinstance(own_id, str) and own_id else None


async def _place(core: Core, orders: Orders, document: dict[str, Any]) -> OrderRecord:
    order, problems = validate(Order, document)
    if order is None:
        raise Refused(problems)
    elsewhere = await _elsewhere(orders, order)
    problems = [*(await _unknown_orders(orders, order))]
    ids = service_ids(order) | set(elsewhere.values())
    elements = await _elements(orders, ids)
    items, more = check_items(order, elements, await _enrolled(core, ids))
    problems += [*check_order(order, utc_now()), *more]
    links = Links({item.wire.id: item for item in items}, {item.id for item in order.service_order_item}, elsewhere)
    taken, untrue = take(items, core.enrolment, elements, links)
    problems += untrue
    if all(item.kind in ENROLLED for item in items):
        return await _lone(core, orders, items, taken, [*problems, *links.problems], document)
    return await _about_swvc(core, items, links, taken, elements, problems, document)


async def _lone(
    core: Core, orders: Orders, items: list[Item], taken: Taken, problems: list[Problem], document: dict[str, Any]
) -> OrderRecord:
    """Have an order carried out that is about enrolled things alone; returns it as it was stored."""
    wanted = [(item, thing) for item in items if (thing := taken.things.get(item.number))]
    faults = await core.enrolled.faults([(thing, wanted_state(item)) for item, thing in wanted])
    for (item, _), fault in zip(wanted, faults, strict=True):
        if fault:
            path = (*item.path, "service", "id" if item.wire.action == "delete" else "state")
            problems.append(from_finding(replace(fault, path=()), {(): path}))
    problems += unmoved(wanted, await orders.said_of([thing.id for _, thing in wanted]))
    if problems:
        raise Refused(problems)
    asked = _asked(document)
    new = tuple(_new_item(item, None, thing, asked[item.number]) for item, thing in wanted)
    order = NewOrder(new_id(), document, new, _own_id(core, document))
    return acknowledged(await core.enrolled.place(order))


async def _about_swvc(
    core: Core,
    items: list[Item],
    links: Links,
    taken: Taken,
    elements: dict[str, ElementRecord],
    problems: list[Problem],
    document: dict[str, Any],
) -> OrderRecord:
    """Have an order about an SWVC carried out; returns it as it was stored."""
    plan, unfitting = make_plan(items, links, taken, elements, core.enrolment)
    problems = [*problems, *unfitting, *links.problems]
    asked = _asked(document)
    ordered = tuple(
        _new_item(item, _end_point(item, plan), taken.things.get(item.number), asked[item.number]) for item in items
    )
    new = NewOrder(new_id(), document, ordered, _own_id(core, document))

    def beside(closed: Mapping[str, ServiceState]) -> list[Problem]:
        return list(beside_an_swvc(items, taken, closed))

    def guard(closed: Mapping[str, ServiceState]) -> None:
        if beside(closed):
            raise _ThingsClosed

    if not problems:
        # In a transaction of its own this would cost as much as all the rest.
        with suppress(_ThingsClosed):
            things = [thing.id for thing in taken.things.values()]
            return acknowledged(await _carry_out(core, plan, new, things, guard))
    problems += beside(await core.enrolled.closed())
    whole = len(items) == len(document["serviceOrderItem"])
    raise Refused([*problems, *(await _findings(core, plan) if whole else ())])


class _ThingsClosed(Exception):
    """An order takes enrolled things otherwise than they stand."""


def acknowledged(receipt: Receipt) -> OrderRecord:
    """An order as it was stored; by now the work on it may have begun."""
    new = receipt.order
    stand = tuple(ItemRecord(OrderState.ACKNOWLEDGED, element, None) for element in receipt.elements)
    document = dict(new.document)
    return OrderRecord(new.id, OrderState.ACKNOWLEDGED, receipt.ordered or utc_now(), None, None, document, stand)


async def _elsewhere(orders: Orders, order: Order) -> dict[tuple[str, str], str]:
    """The ids of services by the items of other orders that made them, as far as this order names them."""
    named = items_elsewhere(order)
    found = await orders.elements_of({order_id for order_id, _ in named}) if named else {}
    return {place: element for place, element in found.items() if place in named}


async def _unknown_orders(orders: Orders, order: Order) -> list[Problem]:
    """What is wrong with the relationships to other orders."""
    named = [relationship.service_order.id for relationship in order.order_relationship or ()]
    known = await orders.known(named) if named else frozenset()
    return [
        Problem(
            "referenceNotFound",
            ("orderRelationship", index, "serviceOrder", "id"),
            f'There is no order "{order_id[:60]}"',
            "Look at the orders.",
        )
        for index, order_id in enumerate(named)
        if order_id not in known
    ]


async def _enrolled(core: Core, ids: set[str]) -> dict[str, EnrolledState]:
    things = [thing for thing in map(core.enrolment.get, ids) if thing]
    return {state.thing.id: state for state in await core.enrolled.states(things)}


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
    return of_the_core(findings, plan, all_told=False)


def _asked(document: dict[str, Any]) -> list[dict[str, Any]]:
    """What each item says of its service."""
    services = (item["service"] for item in document["serviceOrderItem"])
    return [{name: value for name, value in service.items() if name not in _NOT_KEPT} for service in services]


def _end_point(item: Item, plan: Plan) -> str | None:
    """The end point that decides how an item ends."""
    if item.kind is not Kind.END_POINT:
        return plan.uni_ends.get(item.number)
    ordered = plan.ends.get(item.number)
    return ordered.identifier if ordered else (item.element.identifier if item.element else None)


def _new_item(item: Item, end_point: str | None, thing: Thing | None, asked: dict[str, Any]) -> NewItem:
    new = NewItem(item.wire.id, item.wire.action, item.kind, end_point, asked)
    return replace(new, element=thing.id, said=_said(item.wire, asked)) if thing else new


def _said(wire: OrderItem, asked: dict[str, Any]) -> dict[str, Any] | None:
    """What an item says of an enrolled service, beside what is known of that anyway: of its payload only the type."""
    if wire.action == "delete":
        return None
    said = {name: value for name, value in asked.items() if name not in show.NOT_SHOWN}
    if payload := said.get("serviceConfiguration"):
        said["serviceConfiguration"] = {"@type": payload["@type"]}
    return said


async def _carry_out(
    core: Core, plan: Plan, new: NewOrder, things: list[str], guard: Callable[[Mapping[str, ServiceState]], None]
) -> Receipt:
    def guarded(_service: Service) -> None:
        guard(core.enrolled.closed_among(things))

    try:
        with placed(new) as receipt:
            if plan.verb == "create":
                await core.create(plan.result(None), things=things, guard=guard)
            elif plan.verb == "update":
                await core.update(plan.service or "", plan.result, guard=guarded)
            else:
                await core.delete(plan.service or "", guarded)
    except Rejected as rejected:
        raise Refused(of_the_core(rejected.findings, plan, all_told=True)) from None
    return receipt
