"""`serviceFind` and `serviceGet`: what is enrolled, then SWVCs and their end points, whichever API ordered them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from fastapi import Request
from sqlalchemy import ColumnElement, case, exists, func

from presto.domain.enrolled import Resource, kind_of
from presto.mef import show
from presto.mef.query import DATE, Page, Parser, one_of, read_query, text
from presto.persistence.order_tables import ElementOrderRow, ElementRow
from presto.service.core import Core
from presto.service.orders import ElementRecord, Orders
from presto_api.lifecycles import ServiceState
from presto_api.mef.payload import KINDS, OLDER_URNS, URNS, Kind
from presto_api.mef.problems import HttpError

_EVERYTHING = 2**31 - 1
_INSTANT = timedelta(microseconds=1)
_TYPE = func.coalesce(
    ElementRow.requested[("serviceConfiguration", "@type")].as_string(),
    case((ElementRow.kind == Kind.SWVC, URNS[Kind.SWVC]), else_=URNS[Kind.END_POINT]),
)
Condition = Callable[[Any], ColumnElement[bool]]
_FILTERS: dict[str, tuple[Parser, Condition]] = {
    "state": (one_of(tuple(ServiceState)), lambda value: ElementRow.state == value),
    "serviceDate.lt": (DATE, lambda value: ElementRow.created < value),
    "serviceDate.gt": (DATE, lambda value: ElementRow.created > value),
    "startDate.lt": (DATE, lambda value: ElementRow.started < value),
    "startDate.gt": (DATE, lambda value: ElementRow.started > value),
    "endDate.lt": (DATE, lambda value: ElementRow.ended < value),
    "endDate.gt": (DATE, lambda value: ElementRow.ended > value),
    "externalId": (text, lambda value: ElementRow.requested["externalId"].as_string() == value),
    "serviceType": (text, lambda value: ElementRow.requested["serviceType"].as_string() == value),
    "@type": (text, lambda value: value == _TYPE),
    # No service says how it is started.
    "startMode": (one_of(tuple("012345")), lambda _value: ElementRow.id.is_(None)),
}
_PLACES = {"geographicSite.id": "GeographicSiteRef", "geographicAddress.id": "GeographicAddressRef"}
_ATTRIBUTES = ("externalId", "serviceType")
"""What orders say of enrolled resources, as of other services."""

_TYPE_MEMBER = ("serviceConfiguration", "@type")
_ITEM = ("serviceOrder.id", "serviceOrderItem.id")
FILTERS = (*_FILTERS, *_PLACES, *_ITEM)
"""The names of the filters."""


async def find(core: Core, orders: Orders, request: Request) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The services that a query asks for, enrolled ones first, and the paging headers. Raises HttpError 400."""
    parsers = {name: parser for name, (parser, _) in _FILTERS.items()}
    given, page = read_query(request, {**parsers, **dict.fromkeys((*_PLACES, *_ITEM), text)})
    _check_pair(given)
    resources = await _resources(core, orders, given)
    elements, total = await _elements(orders, given, page, len(resources))
    total += len(resources)
    shown = resources[page.offset : page.offset + page.size]
    found = await _shown(core, orders, shown)
    found += [show.element(element) for element in elements]
    return found, page.headers(total, len(found))


async def get(core: Core, orders: Orders, service_id: str) -> dict[str, Any] | None:
    """The service of that id."""
    resource = core.enrolment.get(service_id)
    if resource:
        return (await _shown(core, orders, [resource]))[0]
    found, _ = await orders.elements([ElementRow.id == service_id], 0, 1)
    return show.element(found[0]) if found else None


async def _shown(core: Core, orders: Orders, resources: Sequence[Resource]) -> list[dict[str, Any]]:
    """Enrolled resources as the inventory shows them; the database is asked for all of them at once."""
    ids = [resource.id for resource in resources]
    attributes, items = await orders.attributes_of(ids), await orders.items_for(ids)
    states = await core.enrolled.states(resources)
    return [show.enrolled(one, items.get(one.resource.id, ()), attributes.get(one.resource.id, {})) for one in states]


def _check_pair(given: dict[str, Any]) -> None:
    missing = [name for name in _ITEM if name not in given]
    if len(missing) == 1:
        hint = "serviceOrder.id and serviceOrderItem.id are used together."
        raise HttpError(400, "missingQueryParameter", f"Query parameter {missing[0]} is missing", hint)


async def _resources(core: Core, orders: Orders, given: dict[str, Any]) -> Sequence[Resource]:
    """What is enrolled and asked for: it has all that services have but dates of its beginning."""
    resources: Sequence[Resource] = core.enrolment.resources
    if not given:
        return resources
    if given.keys() - {"state", "@type", "endDate.lt", "endDate.gt", *_ITEM, *_ATTRIBUTES, *_PLACES}:
        return ()
    if _ITEM[0] in given:
        order, item = (given[name] for name in _ITEM)
        resource = core.enrolment.get((await orders.elements_of({order})).get((order, item), ""))
        resources = [resource] if resource else []
    closed = await core.enrolled.closed()
    ends = {name: moment for name, moment in given.items() if name.startswith("endDate")}
    if ends:
        states = await core.enrolled.states([resource for resource in resources if resource.id in closed])
        resources = [state.resource for state in states if state.ended and _within(state.ended, ends)]
    if wanted := {name: value for name, value in given.items() if name in {*_ATTRIBUTES, *_PLACES}}:
        known = await orders.with_attributes({name: value for name, value in wanted.items() if name in _ATTRIBUTES})
        resources = [resource for resource in resources if _matches(known.get(resource.id, {}), wanted)]
    if "@type" in given:
        resources = await _of_type(orders, resources, given["@type"])
    return [
        resource for resource in resources if given.get("state") in {None, closed.get(resource.id, ServiceState.ACTIVE)}
    ]


async def _of_type(orders: Orders, resources: Sequence[Resource], urn: str) -> Sequence[Resource]:
    """Things are of the type that they were last ordered by, and of the newest until then."""
    kind = KINDS.get(urn)
    if kind is None:
        return ()
    older = await orders.with_attributes({_TYPE_MEMBER: OLDER_URNS[kind]})
    types = {name: told.get("serviceConfiguration", {}).get("@type", URNS[kind]) for name, told in older.items()}
    return [
        resource for resource in resources if kind_of(resource) == kind and types.get(resource.id, URNS[kind]) == urn
    ]


def _matches(known: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    places = {(_PLACES[name], value) for name, value in wanted.items() if name in _PLACES}
    rest = all(known.get(name) == value for name, value in wanted.items() if name in _ATTRIBUTES)
    return rest and places <= set(_places(known))


def _within(moment: datetime, ends: Mapping[str, datetime]) -> bool:
    return ends.get("endDate.gt", moment - _INSTANT) < moment < ends.get("endDate.lt", moment + _INSTANT)


async def _elements(orders: Orders, given: dict[str, Any], page: Page, before: int) -> tuple[list[ElementRecord], int]:
    where = [_FILTERS[name][1](value) for name, value in given.items() if name in _FILTERS]
    if _ITEM[0] in given:
        link = ElementOrderRow
        where.append(
            exists().where(link.element == ElementRow.id, link.order == given[_ITEM[0]], link.item == given[_ITEM[1]])
        )
    first = max(0, page.offset - before)
    room = page.size - min(page.size, max(0, before - page.offset))
    wanted = {(_PLACES[name], value) for name, value in given.items() if name in _PLACES}
    if not wanted:
        return await orders.elements(where, first, room)
    everything, _ = await orders.elements(where, 0, _EVERYTHING)
    there = [element for element in everything if wanted <= set(_places(element.requested))]
    return there[first : first + room], len(there)


def _places(attributes: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for related in attributes.get("place", ()):
        place = related["place"]
        if "id" in place:
            yield place["@type"], place["id"]
