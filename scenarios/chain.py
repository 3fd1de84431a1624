"""A site's chain as the scenario promises it: its ports from LAN to WAN, and the rules that must join them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scenarios.context import Context
from scenarios.proof import Fault
from testbed.ucpe_view import FlowEntry

LAN, WAN = "lan0", "wan0"


@dataclass(frozen=True)
class Hop:
    """A port of the switch on a packet's way: its OVS name ("" if missing), a name for people, packets clear or not."""

    port: str
    label: str
    clear: bool
    kind: str = ""


def hops(context: Context, site: str) -> list[Hop]:
    """Return the ports of *site*'s chain from LAN to WAN, in the order that the scenario promises."""
    ports = {(port.kind, port.role): port.name for port in context.view(site).ports(context.service_id)}
    way = [Hop(LAN, LAN, clear=True)]
    for kind in context.scenario.service.chain:
        for role in ("lan", "wan"):
            clear = not (kind == "ipsec" and role == "wan")
            way.append(Hop(ports.get((kind, role), ""), f"{kind} {role}", clear, kind))
    return [*way, Hop(WAN, WAN, clear=False)]


def complete(context: Context, site: str) -> list[Hop]:
    """Return what :func:`hops` does; raises ``Fault`` when the switch lacks one of the ports."""
    way = hops(context, site)
    if missing := [hop.label for hop in way if not hop.port]:
        raise Fault(f"{site}: ports of the chain", "all there", f"missing: {', '.join(missing)}")
    return way


def joints(way: Sequence[Hop]) -> list[tuple[Hop, Hop]]:
    """Return the pairs of ports on a *way* that a rule joins: out of one VNF, into the next."""
    return list(zip(way[::2], way[1::2], strict=True))


def owned(flow: FlowEntry, service_id: str) -> bool:
    """Tell whether the upper half of the rule's cookie is that of the service: the first 32 bits of its uuid."""
    return flow.cookie >> 32 == int(service_id[:8], 16)


def joined(flows: Sequence[FlowEntry], here: Hop, there: Hop, service_id: str) -> bool:
    """Tell whether a rule of the service takes what comes from *here* to *there* and nowhere else."""
    return any(
        flow.in_port == here.port and flow.outputs == (there.port,) and owned(flow, service_id) for flow in flows
    )
