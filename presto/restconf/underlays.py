"""The topology of the underlays: uCPEs are nodes, UNIs and WAN ports their edge points, underlays the links.

An underlay connects any number of uCPEs, so its link has any number of edge points.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.inventory import Inventory, Ucpe, WanPort
from presto.core.core import UniState
from presto.core.model import Service
from presto.core.observer import Seen
from presto.core.tunnels import Tunnel, Verdict, carries, site_verdict, tunnel_verdict, tunnels, ucpe_verdict
from presto.restconf import identity
from presto.restconf.identity import UNDERLAYS
from presto.restconf.pairs import observed, operational, pairs
from presto.restconf.tapi_topology import Topology

TOPOLOGY_ID = identity.topology_id(UNDERLAYS)
_UNUSED = Verdict(None, "no service uses it")


@dataclass(frozen=True)
class Picture:
    """The inventory, and what is seen of the services on it: by service id, of those that were looked at."""

    inventory: Inventory
    unis: tuple[UniState, ...]
    services: tuple[Service, ...]
    seen: Mapping[str, Seen]

    def tunnels(self) -> list[tuple[Tunnel, Verdict]]:
        """The tunnels of all services that were looked at."""
        return [
            (tunnel, tunnel_verdict(tunnel, self.seen[service.id]))
            for service in self.services
            if service.id in self.seen
            for tunnel in tunnels(service.swvc, self.inventory)
        ]


def underlay_summary() -> Topology:
    """The topology without what is in it."""
    return Topology.model_validate(_head())


def underlay_topology(picture: Picture) -> Topology:
    """The whole topology."""
    all_tunnels = picture.tunnels()
    nodes = [_node(ucpe, picture, all_tunnels) for ucpe in picture.inventory.ucpes]
    names = dict.fromkeys(wan.underlay for ucpe in picture.inventory.ucpes for wan in ucpe.wan)
    links = [_link(name, picture.inventory, all_tunnels) for name in names]
    return Topology.model_validate({**_head(), "node": nodes, "link": links})


def _head() -> dict[str, Any]:
    return {"uuid": TOPOLOGY_ID, "name": pairs(("name", UNDERLAYS)), "layer-protocol-name": ["ETH"]}


def _node(ucpe: Ucpe, picture: Picture, all_tunnels: Iterable[tuple[Tunnel, Verdict]]) -> dict[str, Any]:
    verdict = ucpe_verdict(ucpe.id, picture.seen.values())
    here = [(tunnel, up) for tunnel, up in all_tunnels if ucpe.id in (tunnel.near.ucpe, tunnel.far.ucpe)]
    unis = [_uni(state, picture) for state in picture.unis if state.uni.ucpe == ucpe.id]
    ports = [_port(ucpe, wan, [up for tunnel, up in here if tunnel.underlay == wan.underlay]) for wan in ucpe.wan]
    return {
        "uuid": identity.node_id(UNDERLAYS, ucpe.id),
        "name": pairs(("name", ucpe.id), *observed(verdict)),
        **_states(verdict),
        "layer-protocol-name": ["ETH"],
        "owned-node-edge-point": [*unis, *ports],
    }


def _uni(state: UniState, picture: Picture) -> dict[str, Any]:
    user = next((service for service in picture.services if service.swvc.identifier == state.service), None)
    seen = picture.seen.get(user.id) if user else None
    verdict = site_verdict(state.uni.ucpe, seen) if seen else _UNUSED
    return {
        "uuid": identity.uni_id(UNDERLAYS, state.uni.id),
        "name": pairs(("name", state.uni.name), *observed(verdict)),
        **_states(verdict, locked=state.locked),
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


def _link(underlay: str, inventory: Inventory, all_tunnels: Iterable[tuple[Tunnel, Verdict]]) -> dict[str, Any]:
    verdict = carries(up for tunnel, up in all_tunnels if tunnel.underlay == underlay)
    ends = [(ucpe, wan) for ucpe in inventory.ucpes for wan in ucpe.wan if wan.underlay == underlay]
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
