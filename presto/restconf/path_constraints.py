"""What a path may be asked for: constraints that mean something between two sites are honoured, others refused.

A path is one underlay between two uCPEs. The inventory knows no capacity, cost, delay or risk of an underlay, so
constraints on these cannot be honoured.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from common.findings import Finding, Path, Tag
from presto.restconf.underlays import TOPOLOGY_ID
from presto.restconf.unsupported import Honoured, refuse
from presto_api.restconf.tapi import LinkRef, NodeRef, PathRef, TopologyConstraint, TopologyRef, Wire
from presto_api.restconf.tapi_paths import ComputeInput, OptimizeInput

_ROUTING: Honoured = {
    "cost-characteristic": None,
    "latency-characteristic": None,
    "risk-diversity-characteristic": None,
    # Paths over different underlays have no link in common, and always both end nodes.
    "diversity-policy": ("LINK",),
    # Every path is one link long.
    "route-objective-function": ("MIN_WORK_ROUTE_HOP",),
    "route-direction": ("BIDIRECTIONAL", "UNDEFINED_OR_UNKNOWN"),
}
_OBJECTIVE: Honoured = {
    "bandwidth-optimization": ("DONT_CARE",),
    "cost-optimization": ("DONT_CARE",),
    "link-utilization": ("DONT_CARE",),
    "resource-sharing": ("DONT_CARE", "ALLOW"),
}
# Computing paths moves no traffic, so nothing is interrupted.
_OPTIMIZATION: Honoured = {"traffic-interruption": ("DONT_CARE", "ALLOW", "DISALLOW", "MINIMIZE")}
_END_POINT: Honoured = {
    "layer-protocol-name": ("ETH",),
    "direction": ("BIDIRECTIONAL", "UNIDENTIFIED_OR_UNKNOWN"),
    "role": ("SYMMETRIC", "ROOT", "LEAF", "UNKNOWN"),
    "capacity": None,
}
_TOPOLOGY: Path = ("input", "topology-constraint")


@dataclass(frozen=True)
class Known:
    """What a constraint can name: ids of topologies, of nodes → uCPE, of links and of paths → underlay."""

    topologies: Collection[str]
    nodes: Mapping[str, str]
    links: Mapping[str, str]
    paths: Mapping[str, str]


@dataclass(frozen=True)
class Limit:
    """A path must lead over this underlay (`include`), or must not; `underlay` None bars every path, or none."""

    member: str
    underlay: str | None
    include: bool

    def bars(self, underlay: str) -> bool:
        """True when a path over this underlay breaks the limit."""
        return (self.underlay == underlay) is not self.include


def check_computation(given: ComputeInput | OptimizeInput) -> Iterator[Finding]:
    """One finding for each member that asks for something that the network does not know or do."""
    members: list[tuple[Wire | None, Honoured, Path]] = [
        (given.routing_constraint, _ROUTING, ("input", "routing-constraint")),
        (given.objective_function, _OBJECTIVE, ("input", "objective-function")),
    ]
    if isinstance(given, OptimizeInput):
        members.append((given.optimization_constraint, _OPTIMIZATION, ("input", "optimization-constraint")))
    else:
        members += [(sep, _END_POINT, ("input", "sep", index)) for index, sep in enumerate(given.sep or ())]
    for member, honoured, path in members:
        if member is not None:
            yield from refuse(member, honoured, path)
    if isinstance(given, ComputeInput) and given.topology_constraint:
        layers = given.topology_constraint.preferred_transport_layer
        if layers and "ETH" not in layers:
            path = (*_TOPOLOGY, "preferred-transport-layer")
            yield Finding(Tag.INVALID_VALUE, path, "Every underlay is Ethernet here", "Write ETH, or leave it out.")


def limits(constraint: TopologyConstraint | None, ends: Collection[str], known: Known) -> Iterator[Limit | Finding]:
    """What a constraint asks of a path between these uCPEs, and what it names that is not there."""
    if constraint is None:
        return
    named: tuple[tuple[str, bool, Sequence[TopologyRef | PathRef] | None], ...] = (
        ("include-topology", True, constraint.include_topology),
        ("avoid-topology", False, constraint.avoid_topology),
        ("include-node", True, constraint.include_node),
        ("exclude-node", False, constraint.exclude_node),
        ("include-link", True, constraint.include_link),
        ("exclude-link", False, constraint.exclude_link),
        ("include-path", True, constraint.include_path),
        ("exclude-path", False, constraint.exclude_path),
    )
    for member, include, references in named:
        for index, reference in enumerate(references or ()):
            found = _limit(reference, (*_TOPOLOGY, member, index), known, ends)
            if isinstance(found, Finding):
                yield found
            elif isinstance(found, str):
                yield Limit(member, found, include)
            elif found is not include:
                # An include that no path meets, or an exclude that every path meets.
                yield Limit(member, None, include=True)


def _limit(reference: TopologyRef | PathRef, path: Path, known: Known, ends: Collection[str]) -> Finding | str | bool:
    """The underlay that a reference means; or whether it is part of every path, or of none."""
    if isinstance(reference, PathRef):
        return _named(reference.path_uuid, "path-uuid", "path", path, known.paths)
    if isinstance(reference, LinkRef | NodeRef) and reference.topology_uuid not in (None, TOPOLOGY_ID):
        message = "Paths lie in the topology of the underlays"
        return Finding(Tag.INVALID_VALUE, (*path, "topology-uuid"), message, f"Write {TOPOLOGY_ID}.")
    if isinstance(reference, LinkRef):
        return _named(reference.link_uuid, "link-uuid", "link", path, known.links)
    if isinstance(reference, NodeRef):
        node = _named(reference.node_uuid, "node-uuid", "node", path, known.nodes)
        return node if isinstance(node, Finding) else node in ends
    topologies = {name: name for name in known.topologies}
    topology = _named(reference.topology_uuid, "topology-uuid", "topology", path, topologies)
    return topology if isinstance(topology, Finding) else topology == TOPOLOGY_ID


def _named(uuid: str | None, member: str, kind: str, path: Path, known: Mapping[str, str]) -> Finding | str:
    if not uuid:
        return Finding(Tag.MISSING_ELEMENT, (*path, member), f"The reference has no {member}", "Give it.")
    if uuid not in known:
        return Finding(Tag.INVALID_VALUE, (*path, member), f'There is no {kind} "{uuid[:80]}"', "Look it up again.")
    return known[uuid]
