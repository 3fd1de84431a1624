"""The inventory API: UNIs, SWVCs, their end points and underlays, whichever API ordered them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TypedDict, Unpack

from presto_api.mef.envelope import ServiceStateType
from presto_api.mef.results import Service
from presto_client.connection import Connection
from presto_client.hubs import Hubs
from presto_client.pages import Page, fetch, follow
from presto_client.reading import part, read

BASE = "/mefApi/legato/serviceInventory/v7"


class ServiceFilters(TypedDict, total=False):
    """The published filters of services; `type` is `@type`, `service_order_id` is `serviceOrder.id`."""

    state: ServiceStateType
    service_date_gt: datetime
    service_date_lt: datetime
    start_date_gt: datetime
    start_date_lt: datetime
    end_date_gt: datetime
    end_date_lt: datetime
    service_order_id: str
    service_order_item_id: str
    external_id: str
    geographic_site_id: str
    geographic_address_id: str
    service_type: str
    type: str
    start_mode: str


class Services:
    """Services of one server."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.hubs = Hubs(connection, BASE)

    def get(self, service_id: str) -> Service:
        """One service. Raises NotFound."""
        return read(Service, self._connection.json("GET", f"{BASE}/service/{part(service_id)}"))

    def page(self, offset: int = 0, limit: int | None = None, **filters: Unpack[ServiceFilters]) -> Page[Service]:
        """One page of the services that match all filters."""
        return fetch(self._connection, f"{BASE}/service", Service, filters, offset, limit)

    def all(self, **filters: Unpack[ServiceFilters]) -> Iterator[Service]:
        """Every service that matches all filters, page by page as they are used."""
        return follow(lambda offset: self.page(offset, **filters))
