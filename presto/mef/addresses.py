"""Where the resources of the published APIs are: references without scheme and host, which hold behind any proxy."""

from __future__ import annotations

BASES = {"ordering": "/legato/serviceOrderingManagement/v6", "inventory": "/legato/serviceInventory/v7"}
"""The base paths below that of both APIs."""


def order_address(order_id: str) -> str:
    """The path of a service order."""
    return f"/mefApi{BASES['ordering']}/serviceOrder/{order_id}"


def service_address(service_id: str) -> str:
    """The path of a service of the inventory."""
    return f"/mefApi{BASES['inventory']}/service/{service_id}"


def hub_address(api: str, listener_id: str) -> str:
    """The path of a listener of one of the APIs."""
    return f"/mefApi{BASES[api]}/hub/{listener_id}"
