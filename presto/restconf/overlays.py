"""The topology of a service: its sites are nodes, its tunnels links; and the connections that realise it."""

from __future__ import annotations

from typing import Any

from orchestrator.inventory import Inventory
from presto.domain.model import Service
from presto.domain.tunnels import Seen, Site, Tunnel, Verdict, installed, site_verdict, sites, tunnel_verdict, tunnels
from presto.restconf import identity
from presto.restconf.pairs import lifecycle, observed, operational, pairs
from presto_api.restconf.tapi_topology import Connection, Topology


def overlay_summary(service: Service) -> Topology:
    """The topology of a service without what is in it."""
    return Topology.model_validate(_head(service))


def overlay_topology(service: Service, inventory: Inventory, seen: Seen) -> Topology:
    """The whole topology of a service."""
    links = [(tunnel, tunnel_verdict(tunnel, seen)) for tunnel in tunnels(service.swvc, inventory)]
    nodes = [_node(site, service, links, seen) for site in sites(service.swvc, inventory)]
    return Topology.model_validate(
        {**_head(service), "node": nodes, "link": [_link(tunnel, service, up) for tunnel, up in links]}
    )


def connection_references(service: Service, inventory: Inventory) -> list[dict[str, str]]:
    """The connections of a service, by id."""
    return [{"connection-uuid": _connection_id(tunnel, service)} for tunnel in tunnels(service.swvc, inventory)]


def connections(service: Service, inventory: Inventory, seen: Seen) -> list[Connection]:
    """The connections of a service: one for each tunnel, from UNI to UNI."""
    return [
        Connection.model_validate(_connection(tunnel, service, tunnel_verdict(tunnel, seen)))
        for tunnel in tunnels(service.swvc, inventory)
    ]


def _head(service: Service) -> dict[str, Any]:
    names = pairs(("name", service.swvc.identifier), ("lso-service", service.id))
    return {"uuid": identity.topology_id(service.id), "name": names, "layer-protocol-name": ["ETH"]}


def _node(site: Site, service: Service, links: list[tuple[Tunnel, Verdict]], seen: Seen) -> dict[str, Any]:
    verdict = site_verdict(site.ucpe, seen)
    states = {"administrative-state": _administrative(service), **operational(verdict), **_lifecycle(site, service)}
    here = [(tunnel, up) for tunnel, up in links if site in (tunnel.near, tunnel.far)]
    uni = {
        "uuid": identity.uni_id(service.id, site.uni.id),
        "name": pairs(("name", site.uni.name), *observed(verdict)),
        **states,
        **_edge_point(site),
        "mapped-service-interface-point": [{"service-interface-point-uuid": site.uni.id}],
    }
    return {
        "uuid": identity.node_id(service.id, site.ucpe),
        "name": pairs(("name", site.ucpe), ("lso-end-point", site.end_point.identifier), *observed(verdict)),
        **states,
        "layer-protocol-name": ["ETH"],
        "owned-node-edge-point": [uni, *(_tunnel_end(site, tunnel, service, up) for tunnel, up in here)],
    }


def _tunnel_end(site: Site, tunnel: Tunnel, service: Service, verdict: Verdict) -> dict[str, Any]:
    peer = tunnel.peer(site)
    return {
        "uuid": _end_of(tunnel, site, service),
        "name": pairs(("name", f"to-{peer.end_point.identifier}"), *observed(verdict)),
        "administrative-state": _administrative(service),
        **operational(verdict),
        **lifecycle(service, working=installed(service, tunnel)),
        **_edge_point(site),
    }


def _link(tunnel: Tunnel, service: Service, verdict: Verdict) -> dict[str, Any]:
    return {
        "uuid": identity.tunnel_id(service.id, tunnel.near.ucpe, tunnel.far.ucpe),
        "name": pairs(("name", tunnel.name), ("lso-underlay", tunnel.underlay), *observed(verdict)),
        "administrative-state": _administrative(service),
        **operational(verdict),
        **lifecycle(service, working=installed(service, tunnel)),
        "direction": "BIDIRECTIONAL",
        "layer-protocol-name": ["ETH"],
        "node-edge-point": [
            _reference(service, tunnel.near, _end_of(tunnel, tunnel.near, service)),
            _reference(service, tunnel.far, _end_of(tunnel, tunnel.far, service)),
        ],
    }


def _connection(tunnel: Tunnel, service: Service, verdict: Verdict) -> dict[str, Any]:
    uuid = _connection_id(tunnel, service)
    way = [
        (tunnel.near, identity.uni_id(service.id, tunnel.near.uni.id)),
        (tunnel.near, _end_of(tunnel, tunnel.near, service)),
        (tunnel.far, _end_of(tunnel, tunnel.far, service)),
        (tunnel.far, identity.uni_id(service.id, tunnel.far.uni.id)),
    ]
    points = [
        {**_reference(service, site, point), "connection-end-point-uuid": identity.connection_end_id(uuid, point)}
        for site, point in way
    ]
    link = {
        "topology-uuid": identity.topology_id(service.id),
        "link-uuid": identity.tunnel_id(service.id, tunnel.near.ucpe, tunnel.far.ucpe),
    }
    return {
        "uuid": uuid,
        "name": pairs(("name", tunnel.name), ("lso-underlay", tunnel.underlay), *observed(verdict)),
        **operational(verdict),
        **lifecycle(service, working=installed(service, tunnel)),
        "direction": "BIDIRECTIONAL",
        "layer-protocol-name": "ETH",
        "connection-end-point": [points[0], points[-1]],
        "route": [{"local-id": "1", "connection-end-point": points}],
        "supported-client-link": [link],
    }


def _connection_id(tunnel: Tunnel, service: Service) -> str:
    return identity.connection_id(service.id, tunnel.near.ucpe, tunnel.far.ucpe)


def _end_of(tunnel: Tunnel, site: Site, service: Service) -> str:
    return identity.tunnel_end_id(service.id, site.ucpe, tunnel.peer(site).ucpe)


def _reference(service: Service, site: Site, point: str) -> dict[str, str]:
    return {
        "topology-uuid": identity.topology_id(service.id),
        "node-uuid": identity.node_id(service.id, site.ucpe),
        "node-edge-point-uuid": point,
    }


def _edge_point(site: Site) -> dict[str, str]:
    role = site.end_point.role.upper()
    return {"layer-protocol-name": "ETH", "link-port-direction": "BIDIRECTIONAL", "link-port-role": role}


def _administrative(service: Service) -> str:
    return "LOCKED" if service.swvc.locked else "UNLOCKED"


def _lifecycle(site: Site, service: Service) -> dict[str, str]:
    state = service.end_points.get(site.end_point.identifier)
    return lifecycle(service, working=state is not None and state.working)
