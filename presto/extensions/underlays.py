"""`/underlay`: the networks that the WAN ports of the uCPEs lead to."""

from __future__ import annotations

from ipaddress import IPv4Interface
from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from orchestrator.inventory import Inventory
from presto.domain.tunnels import tunnels
from presto.service.core import Core
from presto_api.wire import Wire


class UnderlayPort(Wire):
    """Where a uCPE meets an underlay: a UCS end point on a UCS UNI, in the words of MEF 70."""

    edge: str
    port: str = Field(examples=["wan0"])
    address: str = Field(examples=["198.51.100.1/24"])
    gateway: str | None
    backup: bool = Field(description="Used only where no other underlay connects the sites")


class UnderlayNetwork(Wire):
    """An underlay connectivity service (UCS)."""

    name: str = Field(examples=["internet"])
    type: Literal["public", "private"]
    billing: Literal["flat-rate", "usage-based", "other"]
    prefixes: list[str] = Field(description="Of the addresses of its ports", examples=[["198.51.100.0/24"]])
    ports: list[UnderlayPort]
    services: list[str] = Field(description="The services whose tunnels ride it, by name")


def underlays_router(core: Core) -> APIRouter:
    """The operations on underlays."""
    router = APIRouter(tags=["underlay"])

    @router.get("/underlay", operation_id="listUnderlays")
    async def find() -> list[UnderlayNetwork]:
        """All underlays, with the WAN ports that lead to each and the services that ride it."""
        riders: dict[str, list[str]] = {}
        for service in await core.services():
            for name in {tunnel.underlay for tunnel in tunnels(service.swvc, core.inventory)}:
                riders.setdefault(name, []).append(service.swvc.identifier)
        return [_shown(core.inventory, name, riders.get(name, [])) for name in _names(core.inventory)]

    return router


def _names(inventory: Inventory) -> list[str]:
    described = (underlay.name for underlay in inventory.underlays)
    return list(dict.fromkeys([*described, *(wan.underlay for ucpe in inventory.ucpes for wan in ucpe.wan)]))


def _shown(inventory: Inventory, name: str, services: list[str]) -> UnderlayNetwork:
    known = inventory.underlay(name)
    ends = [(ucpe.id, wan) for ucpe in inventory.ucpes for wan in ucpe.wan if wan.underlay == name]
    return UnderlayNetwork(
        name=name,
        type=known.type,
        billing=known.billing,
        prefixes=sorted({str(IPv4Interface(wan.address).network) for _, wan in ends}),
        ports=[
            UnderlayPort(edge=edge, port=wan.port, address=wan.address, gateway=wan.gateway, backup=wan.backup)
            for edge, wan in ends
        ],
        services=services,
    )
