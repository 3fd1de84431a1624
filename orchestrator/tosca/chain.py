"""The data flow must be one path from the LAN port to the WAN port that meets every VNF once."""

from __future__ import annotations

from orchestrator.tosca.documents.report import Report
from orchestrator.tosca.functions import Node
from orchestrator.tosca.relationships import Link
from orchestrator.tosca.schema.types import Types
from orchestrator.tosca.topology import Topology

LAN, WAN, VNF = "lso.nodes.LanPort", "lso.nodes.WanPort", "lso.nodes.VNF"
TRANSPARENT, GATEWAY = "lso.nodes.vnf.Transparent", "lso.nodes.vnf.Gateway"
NEXT = "next"


def order_chain(topology: Topology, types: Types, report: Report) -> tuple[Node, ...] | None:
    """The nodes from the LAN port to the WAN port; None when they do not make a chain, which is reported."""
    before = len(report)
    lan = _only(topology, types, LAN, "the data flow starts at", report)
    wan = _only(topology, types, WAN, "the data flow ends at", report)
    _check_kinds(topology, types, report)
    links = [link for link in topology.links if link.requirement == NEXT]
    _check_shared(links, report)
    circular = _check_circles(links, topology, report)
    if lan is None or wan is None or not topology.whole or len(report) > before:
        return None
    path = _walk(lan, {link.source: link.target for link in links}, topology)
    for node in topology.nodes.values():
        if node not in path and node.name not in circular:
            report.add(node.place, f"{node.name} is not on the path from {lan.name} to {wan.name}")
    if path[-1] is not wan:
        report.add(path[-1].place, f"the data flow ends here and not at {wan.name}", "write requirements: [next: …]")
    _check_order(path[1:-1], types, report)
    return tuple(path) if len(report) == before else None


def _only(topology: Topology, types: Types, kind: str, words: str, report: Report) -> Node | None:
    nodes = [node for node in topology.nodes.values() if types.is_a("node_types", node.type, kind)]
    if not nodes and topology.whole:
        report.add(topology.place / "node_templates", f"there is no node of the type {kind}", f"{words} one")
    for node in nodes[1:]:
        report.add(node.place, f"{node.name} is a second {kind}", f"{words} one, and that is {nodes[0].name}")
    return nodes[0] if len(nodes) == 1 else None


def _check_kinds(topology: Topology, types: Types, report: Report) -> None:
    for node in topology.nodes.values():
        lineage = types.lineage("node_types", node.type)
        if not {LAN, WAN, VNF}.intersection(lineage):
            report.add(node.place, f"{node.type} has no place in a chain", f"a VNF derives from {VNF}")
        elif VNF in lineage and not {TRANSPARENT, GATEWAY}.intersection(lineage):
            report.add(node.place, f"{node.type} is of no kind", f"it must derive from {TRANSPARENT} or {GATEWAY}")


def _check_shared(links: list[Link], report: Report) -> None:
    first: dict[str, Link] = {}
    for link in links:
        other = first.setdefault(link.target, link)
        if other is not link:
            report.add(link.place, f"{link.target} is next of {other.source} already", "a node has one LAN side")


def _check_circles(links: list[Link], topology: Topology, report: Report) -> set[str]:
    """Report each circle once, at its first node; returns all nodes in circles."""
    following = {link.source: link.target for link in links}
    circular: set[str] = set()
    for start in topology.nodes:
        path = [start]
        while (step := following.get(path[-1])) is not None and step not in path:
            path.append(step)
        if step == start and start not in circular:
            circular.update(path)
            place = next(link.place for link in links if link.source == start)
            report.add(place, f"the data flow goes in a circle: {' -> '.join([*path, start])}")
    return circular


def _walk(start: Node, following: dict[str, str], topology: Topology) -> list[Node]:
    path = [start]
    while (step := following.get(path[-1].name)) is not None:
        path.append(topology.nodes[step])
    return path


def _check_order(vnfs: list[Node], types: Types, report: Report) -> None:
    """Behind a gateway packets are routed, and encrypted, so nothing may stand between it and the WAN."""
    if not vnfs:
        return
    for node in vnfs[:-1]:
        if types.is_a("node_types", node.type, GATEWAY):
            hint = f"the last VNF is {vnfs[-1].name}"
            report.add(node.place, f"{node.name} is a gateway and must be the last VNF before the WAN", hint)
