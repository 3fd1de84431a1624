"""The operations that show topologies, what is in them, and connections."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TypeVar

from common.findings import Ambiguous, Finding, Rejected, Tag, nearest
from orchestrator.inventory import Inventory
from presto.domain.model import Service
from presto.domain.tunnels import sites
from presto.restconf.identity import UNDERLAYS, node_id, topology_id
from presto.restconf.overlays import connections, overlay_summary, overlay_topology
from presto.restconf.parse import Parsed, all_given, only
from presto.restconf.underlays import TOPOLOGY_ID, Snapshot, underlay_node, underlay_summary, underlay_topology
from presto.service.core import Core
from presto_api.restconf.messages import (
    ConnectionIdInput,
    ConnectionOutput,
    LinkIdInput,
    LinkOutput,
    NodeEdgePointIdInput,
    NodeEdgePointOutput,
    NodeIdInput,
    NodeOutput,
    NoInput,
    TopologyIdInput,
    TopologyListOutput,
    TopologyOutput,
)
from presto_api.restconf.tapi import GlobalClass
from presto_api.restconf.tapi_topology import Node, Topology

Named = TypeVar("Named", bound=GlobalClass)


async def list_topologies(core: Core, parsed: Parsed) -> TopologyListOutput:
    """`get-topology-list`: the underlays and one topology for each service, without what is in them."""
    only(NoInput, parsed)
    overlays = [overlay_summary(service) for service in await core.services()]
    return TopologyListOutput(topology=[underlay_summary(), *overlays])


async def show_topology(core: Core, parsed: Parsed) -> TopologyOutput:
    """`get-topology-details`: a topology with all that is in it."""
    (wanted,) = all_given(only(TopologyIdInput, parsed), "topology-id-or-name")
    return TopologyOutput(topology=await _topology(core, wanted))


async def show_node(core: Core, parsed: Parsed) -> NodeOutput:
    """`get-node-details`: a uCPE, as it is in the underlays or in a service."""
    topology, wanted = all_given(only(NodeIdInput, parsed), "topology-id-or-name", "node-id-or-name")
    return NodeOutput(node=await _node(core, topology, wanted))


async def show_node_edge_point(core: Core, parsed: Parsed) -> NodeEdgePointOutput:
    """`get-node-edge-point-details`: a UNI, a WAN port or the end of a tunnel."""
    members = ("topology-id-or-name", "node-id-or-name", "ep-id-or-name")
    topology, node, wanted = all_given(only(NodeEdgePointIdInput, parsed), *members)
    found = await _node(core, topology, node)
    points = found.owned_node_edge_point or ()
    return NodeEdgePointOutput(node_edge_point=_pick(points, wanted, "ep-id-or-name", "node edge point"))


async def show_link(core: Core, parsed: Parsed) -> LinkOutput:
    """`get-link-details`: an underlay or a tunnel."""
    topology, wanted = all_given(only(LinkIdInput, parsed), "topology-id-or-name", "link-id-or-name")
    found = await _topology(core, topology)
    return LinkOutput(link=_pick(found.link or (), wanted, "link-id-or-name", "link"))


async def show_connection(core: Core, parsed: Parsed) -> ConnectionOutput:
    """`get-connection-details`: a connection of a service."""
    given = only(ConnectionIdInput, parsed)
    owner, wanted = all_given(given, "service-id-or-name", "connection-id-or-name")
    service = await core.service(owner)
    seen = (await core.observe([service]))[service.id]
    found = await asyncio.to_thread(connections, service, core.inventory, seen)
    return ConnectionOutput(connection=_pick(found, wanted, "connection-id-or-name", "connection"))


async def _snapshot(core: Core, ucpe: str | None = None) -> Snapshot:
    """The underlays with what is seen on them; only what uses one uCPE is observed, when it is named."""
    services, inventory = await core.services(), core.inventory
    observed_services = await asyncio.to_thread(
        lambda: [service for service in services if ucpe is None or _is_on(inventory, service, ucpe)]
    )
    return Snapshot(inventory, await core.unis(), services, await core.observe(observed_services))


async def _owner(core: Core, wanted: str) -> Service | None:
    """The service whose topology has that id or name. None for the underlays.

    Raises Rejected when there is none, and Ambiguous when several have that name.
    """
    if wanted in {UNDERLAYS, TOPOLOGY_ID}:
        return None
    ids = await core.service_ids()
    service_id = await asyncio.to_thread(lambda: next((found for found in ids if topology_id(found) == wanted), wanted))
    try:
        service = await core.service(service_id)
    except Ambiguous as several:
        path = ("input", "topology-id-or-name")
        raise Ambiguous(path, "topologies", wanted, map(topology_id, several.ids)) from None
    except Rejected:
        service = None
    # A service's own id is not the one of its topology.
    if service is None or wanted == service.id:
        names = [UNDERLAYS, *(service.swvc.identifier for service in await core.services())]
        raise _unknown("topology", wanted, "topology-id-or-name", names)
    return service


async def _topology(core: Core, wanted: str) -> Topology:
    service = await _owner(core, wanted)
    if service is None:
        return await asyncio.to_thread(underlay_topology, await _snapshot(core))
    seen = (await core.observe([service]))[service.id]
    return await asyncio.to_thread(overlay_topology, service, core.inventory, seen)


async def _node(core: Core, topology: str, wanted: str) -> Node:
    """In the underlays only the uCPE that is asked for is observed."""
    ucpes = core.inventory.ucpes
    if topology in {UNDERLAYS, TOPOLOGY_ID}:
        ucpe = next((ucpe for ucpe in ucpes if wanted in (ucpe.id, node_id(UNDERLAYS, ucpe.id))), None)
        if ucpe is None:
            raise _unknown("node", wanted, "node-id-or-name", (ucpe.id for ucpe in ucpes))
        return await asyncio.to_thread(underlay_node, ucpe, await _snapshot(core, ucpe.id))
    found = await _topology(core, topology)
    return _pick(found.node or (), wanted, "node-id-or-name", "node")


def _is_on(inventory: Inventory, service: Service, ucpe: str) -> bool:
    return any(site.ucpe == ucpe for site in sites(service.swvc, inventory))


def _pick(entries: Iterable[Named], wanted: str, member: str, kind: str) -> Named:
    by_id = {entry.uuid: entry for entry in entries}
    by_name = {_name(entry): entry for entry in by_id.values()}
    found = by_id.get(wanted) or by_name.get(wanted)
    if found is None:
        raise _unknown(kind, wanted, member, by_name)
    return found


def _name(entry: GlobalClass) -> str:
    return next((pair.value or "" for pair in entry.name or () if pair.value_name == "name"), "")


def _unknown(kind: str, wanted: str, member: str, names: Iterable[str]) -> Rejected:
    plural = {"topology": "Topologies"}.get(kind, f"{kind.capitalize()}s")
    message = f'There is no {kind} "{wanted[:80]}"'
    return Rejected([Finding(Tag.NOT_FOUND, ("input", member), message, nearest(wanted, sorted(names), plural))])
