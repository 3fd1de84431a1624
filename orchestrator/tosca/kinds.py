"""Checks that concern several properties of one VNF, by its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from common.findings import Fault
from orchestrator.prefixes import overlaps
from orchestrator.tosca.chain import GATEWAY
from orchestrator.tosca.documents.report import Report
from orchestrator.tosca.functions import Node
from orchestrator.tosca.schema.proposals import sealed
from orchestrator.tosca.schema.types import Types
from orchestrator.tosca.template import origin

Values = Mapping[str, Any]
LIFETIMES = {"ike_lifetime_seconds": range(10, 86401), "child_lifetime_seconds": range(10, 28801)}
"""What the VNF contract takes. No constraints of TOSCA: other compilers hold them against what is left out, too."""


def check_vnf(types: Types, node: Node, values: Values, report: Report) -> None:
    """Check the values of a VNF against each other; each is right by itself."""
    for base, check in _CHECKS.items():
        if types.is_a("node_types", node.type, base):
            for fault in check(values):
                report.add(origin(node, *fault.path), fault.message, fault.hint)


def _gateway(values: Values) -> Iterator[Fault]:
    lan, wan = ([IPv4Interface(text).network for text in values[name]] for name in ("lan_addresses", "wan_addresses"))
    for name, networks in (("lan_addresses", lan), ("wan_addresses", wan)):
        if not networks:
            yield Fault((name,), "a gateway needs at least one address here")
    for index, network in enumerate(wan):
        overlapping = [other for other in lan if other.overlaps(network)]
        if overlapping:
            yield Fault(("wan_addresses", index), f"{network} overlaps {overlapping[0]} on the LAN side")
    gateway = values["wan_gateway"]
    if gateway is not None and wan and not any(IPv4Address(gateway) in network for network in wan):
        yield Fault(("wan_gateway",), f"{gateway} is not in {' or '.join(map(str, wan))}, so it cannot be reached")


def _ipsec(values: Values) -> Iterator[Fault]:
    local, peers = values["local"], values["peers"]
    yield from _credentials(values)
    if local["address"] not in {text.split("/")[0] for text in values["wan_addresses"]}:
        yield Fault(("local", "address"), f"{local['address']} is none of the gateway's WAN addresses")
    for index, peer in enumerate(peers):
        if peer["address"] == local["address"]:
            yield Fault(("peers", index, "address"), f"{peer['address']} is this site's own address")
    if values["export_keys"] and sealed(values["esp_proposal"]):
        problem = f"the keys of {values['esp_proposal']} cannot be exported: nothing opens what it encrypts"
        yield Fault(("esp_proposal",), problem, "choose AES-GCM with 16 octets, or leave export_keys out")
    for name, allowed in LIFETIMES.items():
        if values[name] is not None and values[name] not in allowed:
            yield Fault((name,), f"{values[name]} is not {allowed[0]} to {allowed[-1]}")
    yield from _repeated([peer["name"] for peer in peers], "peers", "name")
    yield from _overlaps(local, peers)


def _credentials(values: Values) -> Iterator[Fault]:
    local, peers = values["local"], values["peers"]
    if values["authentication"] == "certificate":
        for name in ("certificate", "private_key", "ca_certificate"):
            if not local.get(name):
                yield Fault(("local", name), f"authentication by certificate needs {name}")
    else:
        for index, peer in enumerate(peers):
            if not peer.get("psk"):
                yield Fault(("peers", index, "psk"), f"authentication by pre-shared key needs psk of {peer['name']}")
        yield from _second_keys(peers)


def _second_keys(peers: list[Values]) -> Iterator[Fault]:
    """A gateway finds a peer's key by the identity that the peer shows (RFC 7296, section 2.15)."""
    first: dict[str, tuple[str, str | None]] = {}
    for index, peer in enumerate(peers):
        name, psk = first.setdefault(peer["identity"].lower(), (peer["name"], peer.get("psk")))
        if psk != peer.get("psk"):
            yield Fault(("peers", index, "identity"), f"{peer['identity']} is {name}'s, which has another key")


def _overlaps(local: Values, peers: list[Values]) -> Iterator[Fault]:
    """A packet's destination decides about its tunnel, so no two ends may have the same subnet."""
    owned: list[tuple[str, tuple[str | int, ...]]] = []
    networks: list[IPv4Network] = []
    for owner, path, subnets in [
        ("this site", ("local", "subnets"), local["subnets"]),
        *((peer["name"], ("peers", index, "subnets"), peer["subnets"]) for index, peer in enumerate(peers)),
    ]:
        owned += [(owner, (*path, number)) for number in range(len(subnets))]
        networks += map(_network, subnets)
    for first, second in overlaps(networks):
        yield Fault(owned[second][1], f"{networks[second]} overlaps {networks[first]} of {owned[first][0]}")


@lru_cache(maxsize=4096)  # each site's prefix is met again at each of its peers
def _network(text: str) -> IPv4Network:
    return IPv4Network(text)


def _firewall(values: Values) -> Iterator[Fault]:
    rules = values["rules"]
    yield from _repeated([rule["id"] for rule in rules], "rules", "id")
    for index, rule in enumerate(rules):
        protocol = rule["protocol"]
        for name in ("source_ports", "destination_ports"):
            if rule.get(name) and protocol not in {"tcp", "udp", "6", "17"}:
                yield Fault(("rules", index, name), f"ports belong to tcp and udp, not to {protocol}")
        if rule.get("icmp_types") and protocol not in {"icmp", "1"}:
            yield Fault(("rules", index, "icmp_types"), f"ICMP types belong to icmp, not to {protocol}")


def _repeated(names: list[str], prop: str, key: str) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if (earlier := first.setdefault(name, index)) < index:
            yield Fault((prop, index, key), f"{name} is the {key} of {prop}[{earlier}] already")


_CHECKS: dict[str, Callable[[Values], Iterator[Fault]]] = {
    GATEWAY: _gateway,
    "lso.nodes.vnf.IPsec": _ipsec,
    "lso.nodes.vnf.Firewall": _firewall,
}
