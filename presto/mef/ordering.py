"""`listServiceOrder`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Request
from sqlalchemy import ColumnElement, and_

from presto.mef.query import DATE, Parser, one_of, read_query
from presto.persistence.order_tables import OrderRow
from presto.service.orders import OrderRecord, Orders
from presto_api.lifecycles import OrderState

_COMPLETED = OrderRow.state == OrderState.COMPLETED
_FILTERS: dict[str, tuple[Parser, Callable[[Any], ColumnElement[bool]]]] = {
    "state": (one_of(tuple(OrderState)), lambda value: OrderRow.state == value),
    "orderDate.gt": (DATE, lambda value: OrderRow.ordered > value),
    "orderDate.lt": (DATE, lambda value: OrderRow.ordered < value),
    "startDate.gt": (DATE, lambda value: OrderRow.started > value),
    "startDate.lt": (DATE, lambda value: OrderRow.started < value),
    "completionDate.gt": (DATE, lambda value: and_(OrderRow.completed > value, _COMPLETED)),
    "completionDate.lt": (DATE, lambda value: and_(OrderRow.completed < value, _COMPLETED)),
    # Orders have no expected date: they are carried out at once. So none lies before or after another moment.
    "expectedCompletionDate.gt": (DATE, lambda _value: OrderRow.id.is_(None)),
    "expectedCompletionDate.lt": (DATE, lambda _value: OrderRow.id.is_(None)),
}


FILTERS = tuple(_FILTERS)
"""The names of the filters."""


async def find(orders: Orders, request: Request) -> tuple[list[OrderRecord], dict[str, str]]:
    """The orders that a query asks for, and the paging headers. Raises HttpError 400."""
    given, page = read_query(request, {name: parser for name, (parser, _) in _FILTERS.items()})
    where = [_FILTERS[name][1](value) for name, value in given.items()]
    found, total = await orders.orders(where, page.offset, page.size)
    return found, page.headers(total, len(found))
