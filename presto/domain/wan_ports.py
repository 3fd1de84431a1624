"""Which WAN ports a service uses: one at each of its uCPEs, which no other service has.

The gateway of a service owns the address of its WAN port, so a uCPE carries as many services over an underlay as it
has ports there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from common.findings import Finding, Tag
from orchestrator.inventory import Inventory, Uni, WanPort
from orchestrator.model import UnknownUcpe
from presto.domain.enrolled import ucs_uni_id, wan_ids
from presto.domain.model import Swvc
from presto.domain.underlays import Closed, carriers


def wan_port(swvc: Swvc, inventory: Inventory, ucpe: str, underlay: str) -> WanPort:
    """The port that a service uses at a uCPE: the one that it was accepted with, as long as that leads there."""
    ports = _ports(inventory, ucpe, underlay)
    return next((port for port in ports if port.port == swvc.wan_ports.get(ucpe)), ports[0])


def chosen_ports(
    kept: Mapping[str, str], inventory: Inventory, ucpes: Collection[str], underlay: str, closed: Closed = frozenset()
) -> dict[str, str]:
    """uCPE → its port for a service: the one that is `kept` from before, or else the first that is not `closed`."""
    ports = {}
    for ucpe in ucpes:
        free = [
            wan.port for wan in _ports(inventory, ucpe, underlay) if not (closed and closed & {*wan_ids(ucpe, wan)})
        ]
        ports[ucpe] = kept[ucpe] if kept.get(ucpe) in free else free[0]
    return ports


def claims_of(swvc: Swvc) -> tuple[str, ...]:
    """The ids of the UNIs and WAN ports that are a service's alone."""
    ports = (ucs_uni_id(ucpe, port) for ucpe, port in swvc.wan_ports.items())
    return (*(end_point.uni for end_point in swvc.end_points), *ports)


def claimable_on(inventory: Inventory, ucpe: str) -> tuple[str, ...]:
    """The ids of all UNIs and WAN ports of a uCPE; none when the inventory has it no more."""
    try:
        ports = dict.fromkeys(wan.port for wan in inventory.ucpe(ucpe).wan)
    except UnknownUcpe:
        return ()
    return (*(uni.id for uni in inventory.unis_on(ucpe)), *(ucs_uni_id(ucpe, port) for port in ports))


def check_ports(
    swvc: Swvc, unis: list[Uni | None], inventory: Inventory, closed: Closed, claims: Mapping[str, str]
) -> Iterator[Finding]:
    """End points whose uCPE has no WAN port left. Those whose UNI is another service's are refused for that."""
    ucpes = list(dict.fromkeys(uni.ucpe for uni in unis if uni))
    able = carriers(swvc, inventory, ucpes, closed) if claims else []
    if not able or carriers(swvc, inventory, ucpes, closed | claims.keys()):
        return
    for index, uni in enumerate(unis):
        if uni and uni.id not in claims and (used := _used_up(inventory, uni.ucpe, able, claims)):
            message = f"uCPE {uni.ucpe} has no free WAN port for UNI {uni.name}: {'; '.join(used)}"
            hint = "Delete that service, or connect the uCPE by another port."
            yield Finding(Tag.IN_USE, ("end_points", index, "uni"), message, hint)


def _used_up(inventory: Inventory, ucpe: str, underlays: list[str], claims: Mapping[str, str]) -> list[str]:
    """Who has the ports of a uCPE, of those underlays that it has no free one to."""
    used = []
    for underlay in underlays:
        owners = {wan.port: claims.get(ucs_uni_id(ucpe, wan.port)) for wan in _ports(inventory, ucpe, underlay)}
        if all(owners.values()):
            used += [f'{port} to {underlay} belongs to service "{owner}"' for port, owner in owners.items()]
    return used


def _ports(inventory: Inventory, ucpe: str, underlay: str) -> list[WanPort]:
    return [wan for wan in inventory.ucpe(ucpe).wan if wan.underlay == underlay]
