"""The topology of the underlays: uCPEs are nodes, UNIs and WAN ports their edge points, underlays the links.

An underlay connects any number of uCPEs, so its link has any number of edge points.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from orchestrator.inventory import Inventory, Ucpe, WanPort
from presto.domain.model import Service
from presto.domain.tunnels import (
    Seen,
    Tunnel,
    Verdict,
    carries,
    site_verdict,
    sites,
    tunnel_verdict,
    tunnels,
    ucpe_verdict,
)
from presto.domain.wan_ports import wan_port
from presto.persistence.tenancy import ANOTHER
from presto.restconf import identity
from presto.restconf.identity import UNDERLAYS
from presto.restconf.pairs import observed, operational, pairs
from presto.service.unis import UniState
from presto_api.restconf.tapi_topology import Node, Topology

TOPOLOGY_ID = identity.topology_id(UNDERLAYS)
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_UNUSED, _EMPTY, _LEAVING = "no service uses it", "nothing is deployed there", "its service is leaving it"
_ENDED = {"administrative-state": "LOCKED", "operational-state": "DISABLED", "lifecycle-state": "PENDING_REMOVAL"}
_NOT_YOURS = "used by a service of another tenant"


@dataclass(frozen=True)
class Snapshot:
    """The inventory, and what is seen of the services on it: by service id, of those that were observed."""

    inventory: Inventory
    unis: tuple[UniState, ...]
    services: tuple[Service, ...]
    seen: Mapping[str, Seen]

    @cached_property
    def tunnels(self) -> tuple[tuple[Service, Tunnel, Verdict], ...]:
        """The tunnels of all services that were observed."""
        return tuple(
            (service, tunnel, tunnel_verdict(tunnel, self.seen[service.id]))
            for service in self.services
            if service.id in self.seen
            for tunnel in tunnels(service.swvc, self.inventory)
        )

    @cached_property
    def over(self) -> Mapping[tuple[str, WanPort], list[Verdict]]:
        """uCPE and WAN port → the tunnels that end there."""
        ends = (
            (service.swvc, site.ucpe, tunnel.underlay, up)
            for service, tunnel, up in self.tunnels
            for site in (tunnel.near, tunnel.far)
        )
        return _grouped(((ucpe, wan_port(swvc, self.inventory, ucpe, name)), up) for swvc, ucpe, name, up in ends)

    @cached_property
    def observations(self) -> Mapping[str, list[Seen]]:
        """uCPE → what was seen of the services on it."""
        observed_services = (service for service in self.services if service.id in self.seen)
        return _grouped(
            (site.ucpe, self.seen[service.id])
            for service in observed_services
            for site in sites(service.swvc, self.inventory)
        )

    @cached_property
    def unis_on(self) -> Mapping[str, list[UniState]]:
        """uCPE → its UNIs."""
        return _grouped((state.uni.ucpe, state) for state in self.unis)

    @cached_property
    def users(self) -> Mapping[str, Service]:
        """UNI id → the service that uses it; two tenants may call theirs the same."""
        return {end_point.uni: service for service in self.services for end_point in service.swvc.end_points}


def underlay_summary() -> Topology:
    """The topology without what is in it."""
    return Topology.model_validate(_head())


def underlay_topology(snapshot: Snapshot) -> Topology:
    """The whole topology."""
    nodes = [_node(ucpe, snapshot) for ucpe in snapshot.inventory.ucpes]
    ends = _grouped((wan.underlay, (ucpe, wan)) for ucpe in snapshot.inventory.ucpes for wan in ucpe.wan)
    verdicts = _grouped((tunnel.underlay, up) for _, tunnel, up in snapshot.tunnels)
    links = [_link(name, there, verdicts.get(name, [])) for name, there in ends.items()]
    return Topology.model_validate({**_head(), "node": nodes, "link": links})


def underlay_node(ucpe: Ucpe, snapshot: Snapshot) -> Node:
    """One node of it."""
    return Node.model_validate(_node(ucpe, snapshot))


def _grouped(entries: Iterable[tuple[_Key, _Value]]) -> dict[_Key, list[_Value]]:
    groups: dict[_Key, list[_Value]] = {}
    for key, value in entries:
        groups.setdefault(key, []).append(value)
    return groups


def _head() -> dict[str, Any]:
    return {"uuid": TOPOLOGY_ID, "name": pairs(("name", UNDERLAYS)), "layer-protocol-name": ["ETH"]}


def _node(ucpe: Ucpe, snapshot: Snapshot) -> dict[str, Any]:
    states = snapshot.unis_on.get(ucpe.id, ())
    problem = _NOT_YOURS if any(state.service == ANOTHER for state in states) else _EMPTY
    verdict = ucpe_verdict(ucpe.id, snapshot.observations.get(ucpe.id, ()), problem)
    unis = [_uni(state, snapshot) for state in states]
    ports = [_port(ucpe, wan, snapshot.over.get((ucpe.id, wan), ())) for wan in ucpe.wan]
    return {
        "uuid": identity.node_id(UNDERLAYS, ucpe.id),
        "name": pairs(("name", ucpe.id), *observed(verdict)),
        **_states(verdict),
        "layer-protocol-name": ["ETH"],
        "owned-node-edge-point": [*unis, *ports],
    }


def _uni(state: UniState, snapshot: Snapshot) -> dict[str, Any]:
    user = snapshot.users.get(state.uni.id)
    seen = snapshot.seen.get(user.id) if user else None
    unused = _LEAVING if state.service and not user else _UNUSED
    problem = _NOT_YOURS if state.service == ANOTHER else unused
    verdict = site_verdict(state.uni.ucpe, seen) if seen else Verdict(None, problem)
    return {
        "uuid": identity.uni_id(UNDERLAYS, state.uni.id),
        "name": pairs(("name", state.uni.name), *observed(verdict)),
        **(_ENDED if state.terminated else _states(verdict, locked=state.locked)),
        **_edge_point(),
        "mapped-service-interface-point": [{"service-interface-point-uuid": state.uni.id}],
    }


def _port(ucpe: Ucpe, wan: WanPort, tunnels_over_it: Iterable[Verdict]) -> dict[str, Any]:
    verdict = carries(tunnels_over_it)
    names = (("name", f"{ucpe.id}-{wan.port}"), ("lso-underlay", wan.underlay), ("lso-address", wan.address))
    return {
        "uuid": identity.wan_id(ucpe.id, wan.port),
        "name": pairs(*names, *observed(verdict)),
        **_states(verdict),
        **_edge_point(),
    }


def _link(underlay: str, ends: Iterable[tuple[Ucpe, WanPort]], tunnels_over_it: Iterable[Verdict]) -> dict[str, Any]:
    verdict = carries(tunnels_over_it)
    return {
        "uuid": identity.underlay_id(underlay),
        "name": pairs(("name", underlay), *observed(verdict)),
        **_states(verdict),
        "direction": "BIDIRECTIONAL",
        "layer-protocol-name": ["ETH"],
        "node-edge-point": [
            {
                "topology-uuid": TOPOLOGY_ID,
                "node-uuid": identity.node_id(UNDERLAYS, ucpe.id),
                "node-edge-point-uuid": identity.wan_id(ucpe.id, wan.port),
            }
            for ucpe, wan in ends
        ],
    }


def _edge_point() -> dict[str, Any]:
    return {"layer-protocol-name": "ETH", "link-port-direction": "BIDIRECTIONAL", "link-port-role": "SYMMETRIC"}


def _states(verdict: Verdict, *, locked: bool = False) -> dict[str, str]:
    administrative = "LOCKED" if locked else "UNLOCKED"
    return {"administrative-state": administrative, **operational(verdict), "lifecycle-state": "INSTALLED"}
