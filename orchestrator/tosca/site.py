"""From a template's values to the intent of a site, with the checks that concern several values at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.intent import PortIntent, SiteIntent, VnfIntent
from orchestrator.tosca.chain import GATEWAY, TRANSPARENT, VNF
from orchestrator.tosca.documents.report import Report
from orchestrator.tosca.functions import Node
from orchestrator.tosca.kinds import check_vnf
from orchestrator.tosca.template import Template, origin

Values = Mapping[str, Any]
"""The properties of one node."""


def build_site(template: Template, values: Mapping[str, Values], report: Report) -> SiteIntent:
    """The intent of a site out of a template without findings and of the values of all its nodes.

    Raises ValueError for a template with findings.
    """
    if template.chain is None or template.topology is None:
        raise ValueError(f"template {template.name} has findings")
    lan, *vnfs, wan = template.chain
    if values[lan.name]["port"] == values[wan.name]["port"]:
        report.add(origin(wan, "port"), "the data flow ends at the port at which it starts")
    mtus = {"lan": values[lan.name]["mtu"], "wan": values[wan.name]["mtu"]}
    for node in vnfs:
        check_vnf(template.types, node, values[node.name], report)
    return SiteIntent(
        template=template.name,
        vnfs=tuple(_vnf(template, node, values[node.name], mtus) for node in vnfs),
        lan_port=values[lan.name]["port"],
        wan_port=values[wan.name]["port"],
    )


def _vnf(template: Template, node: Node, values: Values, mtus: dict[str, int]) -> VnfIntent:
    types = template.types
    gateway = types.is_a("node_types", node.type, GATEWAY)
    common = {name for base in (VNF, TRANSPARENT, GATEWAY) for name in types.fields("node_types", base)}
    return VnfIntent(
        name=node.name,
        kind=values["kind"],
        node_type=node.type,
        image=template.topology.images[node.name] if template.topology else "",
        linux_capabilities=tuple(values["linux_capabilities"]),
        devices=tuple(values["devices"]),
        sysctls=values["sysctls"],
        ports=_gateway_ports(values, mtus) if gateway else _transparent_ports(mtus["lan"]),
        config={name: value for name, value in values.items() if name not in common and value is not None},
        transparent=not gateway,
    )


def _transparent_ports(mtu: int) -> tuple[PortIntent, ...]:
    # The switch cuts large segments by the MTU of the port that they leave by, so all ports before the gateway have
    # to have the LAN's.
    return PortIntent("lan", mtu), PortIntent("wan", mtu)


def _gateway_ports(values: Values, mtus: dict[str, int]) -> tuple[PortIntent, ...]:
    return (
        PortIntent("lan", mtus["lan"], tuple(values["lan_addresses"])),
        PortIntent("wan", mtus["wan"], tuple(values["wan_addresses"]), values["wan_gateway"]),
    )
