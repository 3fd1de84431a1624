"""What can be checked of an order before the transaction that stores it: all but what others may change meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import uuid4

from common.findings import Rejected
from presto.domain.credentials import utc_now
from presto.domain.enrolled import Resource
from presto.mef import show
from presto.mef.enrolled import NamedResources, beside_an_swvc, named_resources, unmoved, wanted_state
from presto.mef.findings import from_finding
from presto.mef.items import ENROLLED, Item, check_items, check_order, items_elsewhere, service_ids
from presto.mef.plan import Plan, make_plan
from presto.mef.refusals import of_the_core
from presto.mef.relationships import Links
from presto.persistence.order_tables import ElementRow
from presto.persistence.unit_of_work import NewItem, NewOrder
from presto.persistence.writer import Change
from presto.service.core import Core
from presto.service.enrolled_orders import EnrolledState
from presto.service.orders import ElementRecord, Orders
from presto_api.lifecycles import ServiceState
from presto_api.mef.envelope import Order, OrderItem
from presto_api.mef.payload import Kind
from presto_api.mef.problems import Problem, Refused
from presto_api.mef.wire import validate

_NOT_KEPT = {"id", "href", "serviceRelationship", "serviceOrderItem"}
"""What an item says of its service and the inventory tells from elsewhere."""


class ResourceStateChanged(Exception):
    """An order expects enrolled resources in other states than they are in."""


@dataclass(frozen=True)
class Placement:
    """An order that nothing is wrong with by itself; `change` checks it against everything else, and stores it."""

    change: Change[None]
    about: AboutSwvc | None = None

    async def refusal(self, fault: Rejected | ResourceStateChanged) -> Refused:
        """What the client is told when `change` has raised this."""
        if isinstance(fault, Rejected):
            if self.about is None:
                return Refused(from_finding(finding, {}) for finding in fault.findings)
            return Refused(of_the_core(fault.findings, self.about.plan, all_told=True))
        return Refused(await self.about.problems() if self.about else ())


@dataclass(frozen=True)
class AboutSwvc:
    """An order about an SWVC, and what may be wrong with it together with the rest of the world."""

    core: Core
    plan: Plan
    items: list[Item]
    named: NamedResources
    whole: bool

    def check_enrolled(self, inactive: Mapping[str, ServiceState]) -> None:
        """Raises ResourceStateChanged."""
        if self.beside(inactive):
            raise ResourceStateChanged

    def beside(self, inactive: Mapping[str, ServiceState]) -> list[Problem]:
        """What is wrong with the enrolled resources that it names."""
        return list(beside_an_swvc(self.items, self.named, inactive))

    async def problems(self) -> list[Problem]:
        """What is wrong with it as things stand now."""
        beside = self.beside(await self.core.enrolled.closed())
        return [*beside, *(await _findings(self.core, self.plan) if self.whole else ())]

    def change(self, order: NewOrder) -> Change[None]:
        """What stores it."""
        accept, plan = self.core.acceptance, self.plan
        if plan.verb == "create":
            return partial(accept.create, swvc=plan.result(None), order=order)
        if plan.verb == "update":
            return partial(accept.update, id_or_name=plan.service or "", change=plan.result, order=order)
        return partial(accept.delete, id_or_name=plan.service or "", order=order)


def own_id(core: Core, document: dict[str, Any]) -> str | None:
    """The client's own id for an order, where the operator has it stand for one order only."""
    given = document.get("externalId")
    return given if core.settings.unique_external_ids and isinstance(given, str) and given else None


async def prepare(core: Core, orders: Orders, document: dict[str, Any]) -> Placement:
    """Check an order as far as that can be done before it is stored. Raises Refused."""
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
    named, untrue = named_resources(items, core.enrolment, elements, links)
    problems += untrue
    if all(item.kind in ENROLLED for item in items):
        return await _about_enrolled(core, orders, items, named, [*problems, *links.problems], document)
    plan, unfitting = make_plan(items, links, named, elements, core.enrolment)
    about = AboutSwvc(core, plan, items, named, len(items) == len(document["serviceOrderItem"]))
    return await _about_swvc(about, [*problems, *unfitting, *links.problems], document)


async def _about_enrolled(
    core: Core,
    orders: Orders,
    items: list[Item],
    named: NamedResources,
    problems: list[Problem],
    document: dict[str, Any],
) -> Placement:
    """An order that is about enrolled resources alone."""
    wanted = [(item, resource) for item in items if (resource := named.resources.get(item.number))]
    faults = await core.enrolled.faults([(resource, wanted_state(item)) for item, resource in wanted])
    for (item, _), fault in zip(wanted, faults, strict=True):
        if fault:
            path = (*item.path, "service", "id" if item.wire.action == "delete" else "state")
            problems.append(from_finding(replace(fault, path=()), {(): path}))
    problems += unmoved(wanted, await orders.attributes_of([resource.id for _, resource in wanted]))
    if problems:
        raise Refused(problems)
    requested = _requested(document)
    new = tuple(_new_item(item, None, resource, requested[item.number]) for item, resource in wanted)
    order = NewOrder(str(uuid4()), document, new, own_id(core, document))
    return Placement(partial(core.enrolled.place, order=order))


async def _about_swvc(about: AboutSwvc, problems: list[Problem], document: dict[str, Any]) -> Placement:
    """An order about an SWVC."""
    if problems:
        raise Refused([*problems, *await about.problems()])
    requested, named = _requested(document), about.named
    items = tuple(
        _new_item(item, _end_point(item, about.plan), named.resources.get(item.number), requested[item.number])
        for item in about.items
    )
    enrolled = [resource.id for resource in named.resources.values()]
    own = own_id(about.core, document)
    order = NewOrder(str(uuid4()), document, items, own, enrolled, about.check_enrolled)
    return Placement(about.change(order), about)


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
    resources = [resource for resource in map(core.enrolment.get, ids) if resource]
    return {state.resource.id: state for state in await core.enrolled.states(resources)}


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


def _requested(document: dict[str, Any]) -> list[dict[str, Any]]:
    """What each item says of its service."""
    services = (item["service"] for item in document["serviceOrderItem"])
    return [{name: value for name, value in service.items() if name not in _NOT_KEPT} for service in services]


def _end_point(item: Item, plan: Plan) -> str | None:
    """The end point that decides how an item ends."""
    if item.kind is not Kind.END_POINT:
        return plan.uni_ends.get(item.number)
    ordered = plan.ends.get(item.number)
    return ordered.identifier if ordered else (item.element.identifier if item.element else None)


def _new_item(item: Item, end_point: str | None, resource: Resource | None, requested: dict[str, Any]) -> NewItem:
    new = NewItem(item.wire.id, item.wire.action, item.kind, end_point, requested)
    return replace(new, element=resource.id, attributes=_attributes(item.wire, requested)) if resource else new


def _attributes(wire: OrderItem, requested: dict[str, Any]) -> dict[str, Any] | None:
    """What an item says of an enrolled service, beside what is known of that anyway: of its payload only the type."""
    if wire.action == "delete":
        return None
    attributes = {name: value for name, value in requested.items() if name not in show.NOT_SHOWN}
    if payload := attributes.get("serviceConfiguration"):
        attributes["serviceConfiguration"] = {"@type": payload["@type"]}
    return attributes
