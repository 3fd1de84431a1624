"""`/service/{id}/flowTable`: the OpenFlow rules that the switches really have, each traced to what made it."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from pydantic import Field

from orchestrator.model import DeploymentObservation, FlowObservation
from presto.domain.tunnels import Site, sites
from presto.extensions.problems import declared
from presto.extensions.services import ServiceId
from presto.persistence.tenancy import current
from presto.service.core import Core
from presto.service.orders import Orders
from presto_api.wire import Wire


class FlowRule(Wire):
    """A rule of a switch."""

    cookie: str = Field(examples=["0x1a2b3c4d00000001"])
    priority: int
    in_port: str
    output: str
    rule: str = Field(description="The whole rule, ports by number")
    packets: int
    bytes: int
    seconds: float = Field(description="Since it was installed")
    foreign: bool = Field(
        description="Made by somebody else; such rules are left alone, and shown to the operator only"
    )
    joint: str | None = Field(description="The link of the chain that it serves", examples=["LAN → firewall"])
    policy: str | None = Field(description="None for rules of the chain, which carry all flows")
    generation: int | None = Field(description="The change of the service that made it, where that is recorded")
    order: str | None = Field(description="The id of the order that asked for that change; none for other faces")


class SwitchTable(Wire):
    """The rules of the bridge of one uCPE."""

    end_point: str
    edge: str
    rules: list[FlowRule]
    differences: list[str] = Field(description="What is other than it should be, in words")
    problem: str | None = Field(description="Why the switch could not be read")


class FlowTable(Wire):
    """The rules of all switches of a service."""

    service: str
    service_name: str
    switches: list[SwitchTable]


def flow_tables_router(core: Core, orders: Orders) -> APIRouter:
    """The operations on flow tables."""
    router = APIRouter(tags=["service"])

    @router.get("/service/{service_id}/flowTable", operation_id="getFlowTable", responses=declared(404, 409, 422))
    async def get(service_id: ServiceId) -> FlowTable:
        """The OpenFlow rules of each uCPE of the service, read from the switches now."""
        service = await core.service(service_id)
        seen = (await core.observe([service]))[service.id]
        made_by = _MadeBy(await core.changes(service), await orders.of_service(service.id))
        switches = []
        for site in sites(service.swvc, core.inventory):
            here = seen.sites.get(site.ucpe)
            problem = seen.problem or (here.problem if here else "nothing is deployed")
            switches.append(
                SwitchTable(
                    end_point=site.end_point.identifier,
                    edge=site.ucpe,
                    rules=_rules(site, here, made_by) if here else [],
                    differences=list(here.differences) if here else [],
                    problem=problem,
                )
            )
        return FlowTable(service=service.id, service_name=service.swvc.identifier, switches=switches)

    return router


class _MadeBy:
    """Finds the change and the order behind a rule."""

    def __init__(self, changes: Mapping[int, int], orders: Mapping[int, str]) -> None:
        self._changes, self._orders = changes, orders

    def of(self, cookie: int) -> tuple[int | None, str | None]:
        """The change and the order by the generation in a cookie.

        A rule keeps the cookie of the work that made it. Work that was cut off is not recorded, but what was done
        anew after it is: the first at or after it.
        """
        generation = cookie & 0xFFFF_FFFF
        change = next((change for known, change in self._changes.items() if known >= generation), None)
        return change, self._orders.get(change) if change is not None else None


def _rules(site: Site, here: DeploymentObservation, made_by: _MadeBy) -> list[FlowRule]:
    owner = {port.name: port.vnf for port in here.ports} | {site.uni.port: "LAN"}
    own = [_rule(flow, made_by.of(flow.cookie), _joint(flow, owner)) for flow in here.flows]
    foreign = here.foreign if current() is None else ()  # they can be another tenant's
    return [*own, *(_rule(flow, None, None) for flow in foreign)]


def _joint(flow: FlowObservation, owner: Mapping[str, str]) -> str:
    """Both ends of a link; the port that is neither the LAN's nor a VNF's leads to the WAN."""
    return f"{owner.get(flow.in_port, 'WAN')} → {owner.get(flow.output, 'WAN')}"


def _rule(flow: FlowObservation, maker: tuple[int | None, str | None] | None, joint: str | None) -> FlowRule:
    generation, order = maker or (None, None)
    return FlowRule(
        cookie=f"{flow.cookie:#018x}",
        priority=flow.priority,
        in_port=flow.in_port,
        output=flow.output,
        rule=flow.text,
        packets=flow.packets,
        bytes=flow.bytes,
        seconds=round(flow.seconds, 3),
        foreign=maker is None,
        joint=joint,
        policy=None,
        generation=generation,
        order=order,
    )
