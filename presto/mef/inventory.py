"""`serviceFind` and `serviceGet`: UNIs, SWVCs and their end points, whichever face ordered them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from fastapi import Request
from sqlalchemy import ColumnElement, case, exists, func

from presto.core.core import Core, UniState
from presto.core.lifecycles import ServiceState
from presto.core.order_tables import ElementOrderRow, ElementRow
from presto.core.orders import ElementRecord, Orders
from presto.mef import show
from presto.mef.payload import URNS, Kind
from presto.mef.problems import Answer
from presto.mef.query import DATE, Page, Parser, one_of, read_query, text

_EVERYTHING = 2**31 - 1
_TYPE = func.coalesce(
    ElementRow.asked[("serviceConfiguration", "@type")].as_string(),
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
    "externalId": (text, lambda value: ElementRow.asked["externalId"].as_string() == value),
    "serviceType": (text, lambda value: ElementRow.asked["serviceType"].as_string() == value),
    "@type": (text, lambda value: value == _TYPE),
    # No service says how it is started.
    "startMode": (one_of(tuple("012345")), lambda _value: ElementRow.id.is_(None)),
}
_PLACES = {"geographicSite.id": "GeographicSiteRef", "geographicAddress.id": "GeographicAddressRef"}
_ITEM = ("serviceOrder.id", "serviceOrderItem.id")


async def find(core: Core, orders: Orders, request: Request) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The services that a query asks for, UNIs first, and the paging headers. Raises Answer 400."""
    parsers = {name: parser for name, (parser, _) in _FILTERS.items()}
    given, page = read_query(request, {**parsers, **dict.fromkeys((*_PLACES, *_ITEM), text)})
    _check_pair(given)
    unis = [uni async for uni in _unis(core, orders, given)]
    elements, total = await _elements(orders, given, page, len(unis))
    total += len(unis)
    found = unis[page.offset : page.offset + page.size] + [show.element(element) for element in elements]
    return found, page.headers(total, len(found))


async def get(core: Core, orders: Orders, service_id: str) -> dict[str, Any] | None:
    """The service of that id."""
    for state in await core.unis():
        if state.uni.id == service_id:
            return show.uni(state, await orders.items_for(service_id))
    found, _ = await orders.elements([ElementRow.id == service_id], 0, 1)
    return show.element(found[0]) if found else None


def _check_pair(given: dict[str, Any]) -> None:
    missing = [name for name in _ITEM if name not in given]
    if len(missing) == 1:
        hint = "serviceOrder.id and serviceOrderItem.id are used together."
        raise Answer(400, "missingQueryParameter", f"Query parameter {missing[0]} is missing", hint)


async def _unis(core: Core, orders: Orders, given: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    for state in await core.unis():
        items = await orders.items_for(state.uni.id) if _ITEM[0] in given else ()
        if all(_uni_has(state, name, value) for name, value in given.items()) and _in_item(items, given):
            yield show.uni(state, items or await orders.items_for(state.uni.id))


def _uni_has(state: UniState, name: str, value: str) -> bool:
    """A UNI has a state, a type and orders, and no dates, places or ids of others."""
    if name == "state":
        return value == ("inactive" if state.locked else "active")
    return name in _ITEM or (name == "@type" and value == URNS[Kind.UNI])


def _in_item(items: tuple[tuple[str, str], ...], given: dict[str, Any]) -> bool:
    return _ITEM[0] not in given or (given[_ITEM[0]], given[_ITEM[1]]) in items


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
    there = [element for element in everything if wanted <= set(_places(element))]
    return there[first : first + room], len(there)


def _places(element: ElementRecord) -> Iterator[tuple[str, str]]:
    for related in element.asked.get("place", ()):
        place = related["place"]
        if "id" in place:
            yield place["@type"], place["id"]
