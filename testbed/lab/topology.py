"""Plan the network of a lab in Containernet: uCPEs, LANs with their hosts, underlays, and the links between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from testbed.containernet import Containernet, NamespaceBridge
from testbed.host.wiring import mac_address
from testbed.lab.ucpe import Ucpe
from testbed.lab.ucpe_settings import UcpeSettings
from testbed.nodes.node import Node
from testbed.nodes.ucpe import LAN_MTU, LAN_PORT
from testbed.ownership.owner import Owner
from testbed.spec.model import LabSpec, SiteSpec
from testbed.spec.names import UCPE_ON_LAN

WAN_MTU = 1500


@dataclass
class Topology:
    """A lab's network, planned: nothing runs before ``net.start()``."""

    net: Containernet
    ucpes: dict[str, Any] = field(default_factory=dict)
    hosts: dict[str, Any] = field(default_factory=dict)
    lans: dict[str, Any] = field(default_factory=dict)
    underlays: dict[str, Any] = field(default_factory=dict)
    ports: dict[str, dict[str, str]] = field(default_factory=dict)  # bridge → neighbour → interface

    def nodes(self) -> tuple[Node, ...]:
        """Return all nodes as values; call it once they run."""
        kinds = {"host": self.hosts, "lan": self.lans, "underlay": self.underlays}
        found = [
            Node(site, "ucpe", node.namespace, node.process, address=node.settings.address)
            for site, node in self.ucpes.items()
        ]
        for kind, nodes in kinds.items():
            for name, node in nodes.items():
                ports = self.ports.get(node.name, {})
                found.append(Node(name, kind, node.namespace, ports=ports, address=getattr(node, "address", "")))
        return tuple(found)


def plan(spec: LabSpec, owner: Owner, settings: Mapping[str, UcpeSettings]) -> Topology:
    """Return the network of *spec*; *settings* has what each site's uCPE is started with."""
    topology = Topology(Containernet(owner=owner, controller=None))
    for site in spec.sites:  # first in, first started: they take longest
        topology.ucpes[site.name] = topology.net.addHost(site.name, cls=Ucpe, settings=settings[site.name])
    for underlay in spec.underlays:
        topology.underlays[underlay.name] = _bridge(topology, f"underlay.{underlay.name}", WAN_MTU)
    for site in spec.sites:
        _plug_site(topology, site)
    return topology


def _plug_site(topology: Topology, site: SiteSpec) -> None:
    ucpe = topology.ucpes[site.name]
    lan = topology.lans[site.name] = _bridge(topology, f"lan.{site.name}", LAN_MTU)
    _plug(topology, ucpe, LAN_PORT, lan, UCPE_ON_LAN, LAN_MTU)
    for host in site.hosts:
        node = topology.net.addHost(host.name, ip=host.address, defaultRoute=f"via {site.lan_gateway}")
        node.address = host.address
        topology.hosts[host.name] = node
        _plug(topology, node, "eth0", lan, host.name, LAN_MTU)
    for wan in site.wan:
        _plug(topology, ucpe, wan.port, topology.underlays[wan.underlay], site.name, WAN_MTU)


def _bridge(topology: Topology, name: str, mtu: int) -> Any:
    topology.ports[name] = {}
    return topology.net.addSwitch(name, cls=NamespaceBridge, mtu=mtu)


def _plug(topology: Topology, node: Any, port: str, bridge: Any, neighbour: str, mtu: int) -> None:
    """Link *node*'s interface *port* to *bridge*; the MAC addresses follow from the lab's id and the names."""
    lab = topology.net.plan.owner.lab
    ports = topology.ports[bridge.name]
    ports[neighbour] = f"port{len(ports) + 1}"
    topology.net.addLink(
        node,
        bridge,
        intfName1=port,
        intfName2=ports[neighbour],
        addr1=mac_address(lab, node.name, port),
        addr2=mac_address(lab, bridge.name, neighbour),
        mtu=mtu,
    )
