"""From a site's intent to its plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from orchestrator.intent import PortIntent, Role, SiteIntent, VnfIntent
from orchestrator.plan.model import (
    Attachment,
    ContainerPlan,
    Flow,
    NetworkPlan,
    PortPlan,
    SitePlan,
    service_cookie,
    service_prefix,
)
from orchestrator.plan.placeholder import placeholder

CONTRACT = "1"
CHAIN_PRIORITY = 100
"""Room above for classification, room below for a default."""

PortKey = tuple[str, Role]
"""A VNF's name and the role of one of its ports."""


def port_keys(intent: SiteIntent) -> tuple[PortKey, ...]:
    """The ports that need a placeholder each, in chain order."""
    return tuple((vnf.name, port.role) for vnf in intent.vnfs for port in vnf.ports)


def plan_site(
    service_id: str, generation: int, intent: SiteIntent, ucpe: str, addresses: Mapping[PortKey, int]
) -> SitePlan:
    """Plan one site. `addresses` gives each of `port_keys(intent)` its placeholder, by number.

    A port must keep its placeholder for its life: names, MAC addresses and networks follow from it.
    """
    site = _Site(service_id, generation, intent, addresses)
    return SitePlan(
        service_id=service_id,
        generation=generation,
        ucpe=ucpe,
        template=intent.template,
        lan_port=intent.lan_port,
        wan_port=intent.wan_port,
        ports=tuple(site.port(vnf, port) for vnf in intent.vnfs for port in vnf.ports),
        networks=tuple(site.network(vnf, port) for vnf in intent.vnfs for port in vnf.ports),
        containers=tuple(site.container(vnf) for vnf in intent.vnfs),
        flows=tuple(site.flows()),
    )


class _Site:
    """The names and marks of one site's objects."""

    def __init__(self, service_id: str, generation: int, intent: SiteIntent, addresses: Mapping[PortKey, int]) -> None:
        self._service_id = service_id
        self._generation = generation
        self._intent = intent
        self._addresses = addresses
        self._prefix = service_prefix(service_id)
        self._positions = {vnf.name: position for position, vnf in enumerate(intent.vnfs)}

    def port(self, vnf: VnfIntent, port: PortIntent) -> PortPlan:
        marks = {f"lso:{mark}": value for mark, value in self._marks(vnf).items()}
        return PortPlan(
            self._port_name(vnf.name, port.role), vnf.name, port.role, port.mtu, {**marks, "lso:role": port.role}
        )

    def network(self, vnf: VnfIntent, port: PortIntent) -> NetworkPlan:
        place = placeholder(self._addresses[vnf.name, port.role])
        return NetworkPlan(
            name=self._network_name(vnf.name, port.role),
            vnf=vnf.name,
            role=port.role,
            parent=self._port_name(vnf.name, port.role),
            subnet=place.subnet,
            gateway=place.gateway,
            labels={**self._labels(vnf), "lso.role": port.role},
        )

    def container(self, vnf: VnfIntent) -> ContainerPlan:
        return ContainerPlan(
            name=f"{self._prefix}-{vnf.name}",
            vnf=vnf.name,
            kind=vnf.kind,
            image=vnf.image,
            capabilities=vnf.linux_capabilities,
            devices=vnf.devices,
            sysctls=vnf.sysctls,
            labels=self._labels(vnf),
            attachments=tuple(self._attachment(vnf, port) for port in vnf.ports),
            intent=self._vnf_intent(vnf),
        )

    def flows(self) -> Iterator[Flow]:
        """Both directions of each link between neighbours along the chain."""
        hops = [(self._port_name(vnf.name, "lan"), self._port_name(vnf.name, "wan")) for vnf in self._intent.vnfs]
        ends = [self._intent.lan_port, *chain.from_iterable(hops), self._intent.wan_port]
        cookie = service_cookie(self._service_id, self._generation)
        for near, far in zip(ends[::2], ends[1::2], strict=True):
            yield Flow(CHAIN_PRIORITY, near, far, cookie)
            yield Flow(CHAIN_PRIORITY, far, near, cookie)

    def _port_name(self, vnf: str, role: Role) -> str:
        # 8 + 1 + 5 + 1 characters; the placeholder's number is unique, where a hash of the VNF's name might collide
        return f"{self._prefix}-{self._addresses[vnf, role]:05x}{role[0]}"

    def _network_name(self, vnf: str, role: Role) -> str:
        return f"{self._prefix}-{vnf}-{role}"

    def _marks(self, vnf: VnfIntent) -> dict[str, str]:
        return {
            "service": self._service_id,
            "vnf": vnf.name,
            "kind": vnf.kind,
            "position": str(self._positions[vnf.name]),
        }

    def _labels(self, vnf: VnfIntent) -> dict[str, str]:
        return {f"lso.{mark}": value for mark, value in self._marks(vnf).items()}

    def _attachment(self, vnf: VnfIntent, port: PortIntent) -> Attachment:
        place = placeholder(self._addresses[vnf.name, port.role])
        return Attachment(self._network_name(vnf.name, port.role), port.role, place.address, place.mac)

    def _vnf_intent(self, vnf: VnfIntent) -> dict[str, Any]:
        """The envelope of the VNF contract around the kind's own object."""
        return {
            "contract": CONTRACT,
            "kind": vnf.kind,
            "name": vnf.name,
            "ports": [self._port_intent(vnf, port) for port in vnf.ports],
            vnf.kind: vnf.config,
        }

    def _port_intent(self, vnf: VnfIntent, port: PortIntent) -> dict[str, Any]:
        values = {
            "role": port.role,
            "mac": placeholder(self._addresses[vnf.name, port.role]).mac,
            "mtu": port.mtu,
            "addresses": list(port.addresses),
        }
        return values if port.role == "lan" else {**values, "gateway": port.gateway}
