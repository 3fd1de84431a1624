"""A site's chain as the scenario promises it: its ports from LAN to WAN, and the rules that must join them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from scenarios.file.format import Scenario
from scenarios.steps.context import Context
from scenarios.steps.recorder import NetworkFault
from testbed.nodes.ucpe import LAN_PORT
from testbed.ucpe_view import FlowEntry, Port

GATEWAY = "ipsec"


@dataclass(frozen=True)
class Hop:
    """A port of the switch on a packet's way: its OVS name ("" if missing), a name for people, packets clear or not.

    *vnf* is the name of the VNF whose port it is, empty for the ports of the uCPE itself.
    """

    port: str
    label: str
    clear: bool
    vnf: str = ""


def hops(context: Context, site: str) -> list[Hop]:
    """Return the ports of *site*'s chain from LAN to WAN, in the order that the scenario promises."""
    view = context.view(site)
    wan = wan_port(context.scenario, site, view.flows(), context.service_id)
    return way(view.ports(context.service_id), context.scenario.service.chain, wan)


def way(ports: Iterable[Port], kinds: Sequence[str], wan: str) -> list[Hop]:
    """Return the hops of a chain of *kinds* that leaves by *wan*; VNFs are told apart by their places."""
    places = {(port.position, port.role): port for port in ports}
    found = [Hop(LAN_PORT, LAN_PORT, clear=True)]
    clear = True
    for position, kind in enumerate(kinds):
        for role in ("lan", "wan"):
            port = places.get((position, role))
            name = kind if kinds.count(kind) == 1 else f"{kind} {position + 1}"
            clear = clear and not (kind == GATEWAY and role == "wan")
            fits = port is not None and port.kind == kind
            found.append(Hop(port.name if port and fits else "", f"{name} {role}", clear, port.vnf if port else kind))
    return [*found, Hop(wan, wan, clear)]


def wan_port(scenario: Scenario, site: str, flows: Sequence[FlowEntry], service_id: str) -> str:
    """Return the WAN port that *site*'s chain leaves by.

    Any will do that leads to an underlay which all sites of the service share; the service's own rules tell which.
    """
    ports = shared_ports(scenario, site)
    used = (port for port in ports if any(flow.in_port == port and owned(flow, service_id) for flow in flows))
    return next(used, next(iter(ports)))


def shared_ports(scenario: Scenario, site: str) -> Mapping[str, str]:
    """Return the underlay of each WAN port of *site* that reaches all sites of the service; of all if none does."""
    joined = [
        {entry.underlay for entry in scenario.topology.sites[point.site].wan.values()}
        for point in scenario.service.endpoints
    ]
    ports = {name: entry.underlay for name, entry in scenario.topology.sites[site].wan.items()}
    return {name: underlay for name, underlay in ports.items() if all(underlay in own for own in joined)} or ports


def underlay(context: Context, site: str) -> str:
    """Return the underlay that *site*'s chain leaves by."""
    port = wan_port(context.scenario, site, context.view(site).flows(), context.service_id)
    return context.scenario.topology.sites[site].wan[port].underlay


def complete(context: Context, site: str) -> list[Hop]:
    """Return what :func:`hops` does; raises ``NetworkFault`` when the switch lacks one of the ports."""
    found = hops(context, site)
    if missing := [hop.label for hop in found if not hop.port]:
        raise NetworkFault(f"{site}: ports of the chain", "all there", f"missing: {', '.join(missing)}")
    return found


def joints(hops: Sequence[Hop]) -> Iterator[tuple[Hop, Hop]]:
    """Yield the pairs of ports on a way that a rule joins: out of one VNF, into the next."""
    yield from zip(hops[::2], hops[1::2], strict=True)


def owned(flow: FlowEntry, service_id: str) -> bool:
    """Tell whether the upper half of the rule's cookie is that of the service: the first 32 bits of its uuid."""
    return flow.cookie >> 32 == int(service_id[:8], 16)


def joined(flows: Sequence[FlowEntry], here: Hop, there: Hop, service_id: str) -> bool:
    """Tell whether a rule of the service takes what comes from *here* to *there* and nowhere else."""
    return any(
        flow.in_port == here.port and flow.outputs == (there.port,) and owned(flow, service_id) for flow in flows
    )
