"""The ordering API: orders placed, seen, followed to their end, and its listeners."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, TypedDict, Unpack

from presto_api.lifecycles import ENDED
from presto_api.mef.envelope import Order
from presto_api.mef.results import OrderStateType, ServiceOrder
from presto_client.connection import Connection
from presto_client.hubs import Hubs
from presto_client.keys import named
from presto_client.pages import Page, fetch, follow
from presto_client.reading import part, read

BASE = "/mefApi/legato/serviceOrderingManagement/v6"


class OrderFilters(TypedDict, total=False):
    """The published filters of orders; `order_date_gt` is `orderDate.gt`, later than that moment."""

    state: OrderStateType
    order_date_gt: datetime
    order_date_lt: datetime
    start_date_gt: datetime
    start_date_lt: datetime
    completion_date_gt: datetime
    completion_date_lt: datetime
    expected_completion_date_gt: datetime
    expected_completion_date_lt: datetime


class Orders:
    """Service orders of one server."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.hubs = Hubs(connection, BASE)

    def create(self, order: Order | Mapping[str, Any], key: str | None = None) -> ServiceOrder:
        """Place an order; returns it acknowledged.

        `key` names this order (`Idempotency-Key`), a new one unless it is given: where the answer is lost the order is
        sent again under the same key, and carried out once. Raises Refused with everything that is wrong.
        """
        body = order.model_dump(mode="json", by_alias=True, exclude_unset=True) if isinstance(order, Order) else order
        return read(ServiceOrder, self._connection.json("POST", f"{BASE}/serviceOrder", body, headers=named(key)))

    def get(self, order_id: str) -> ServiceOrder:
        """One order. Raises NotFound."""
        return read(ServiceOrder, self._connection.json("GET", f"{BASE}/serviceOrder/{part(order_id)}"))

    def page(self, offset: int = 0, limit: int | None = None, **filters: Unpack[OrderFilters]) -> Page[ServiceOrder]:
        """One page of the orders that match all filters, oldest first."""
        return fetch(self._connection, f"{BASE}/serviceOrder", ServiceOrder, filters, offset, limit)

    def all(self, **filters: Unpack[OrderFilters]) -> Iterator[ServiceOrder]:
        """Every order that matches all filters, page by page as they are used."""
        return follow(lambda offset: self.page(offset, **filters))

    def wait(self, order_id: str, timeout: float = 120.0, interval: float = 0.2) -> ServiceOrder:
        """The order when it has ended, whichever way; it is read every `interval` seconds.

        Raises NotFound, and TimeoutError after `timeout` seconds.
        """
        end = time.monotonic() + timeout
        while (order := self.get(order_id)).state not in ENDED:
            if time.monotonic() >= end:
                raise TimeoutError(f"order {order_id} is {order.state} after {timeout:g} s")
            time.sleep(interval)
        return order
