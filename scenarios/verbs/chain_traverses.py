"""``chain.traverses``: every packet visits each VNF in the template's order, both ways, and nothing bypasses."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field
from testbed.ucpe_view import FlowEntry

from scenarios import wire
from scenarios.context import Context
from scenarios.proof import Proof
from scenarios.verb import Host, Verb
from testbed.capture import find_bytes

LAN, WAN = "lan0", "wan0"


@dataclass(frozen=True)
class Hop:
    """A port of the switch on a packet's way: its OVS name, a name for people, whether packets are clear there."""

    port: str
    label: str
    clear: bool
    kind: str = ""


class ChainTraverses(Verb, name="chain.traverses"):
    """Prove the chain by captures on every port of it and by the counters of its OpenFlow rules.

    *Expected results*, in both directions and at both sites: each packet is seen once at every port of the chain,
    in the order of the scenario's ``service.chain``; between one VNF's exit and the next one's entry stands exactly
    one rule that matched, it belongs to the service, it has that one output, and its counter rose by at least the
    packets sent.

    *Fails when* a rule of higher priority bypasses a VNF, VNFs stand in another order, or a foreign rule carries
    the packets.

    *Example*: ``{verb: chain.traverses, with: {from: a1, to: b1, destination_port: 9003}}``
    """

    from_: Host = Field(alias="from")
    to: Host
    destination_port: int = Field(ge=1, le=65535, description="a UDP port that the service's flows allow")
    packets: int = Field(default=10, ge=1, le=200)

    def prove(self, context: Context, proof: Proof) -> str:
        for source, target in ((self.from_, self.to), (self.to, self.from_)):
            self._one_way(context, proof, source, target)
        chain = ", ".join(context.scenario.service.chain)
        return f"{2 * self.packets} packets visited {chain} in this order at both sites, both ways"

    def _one_way(self, context: Context, proof: Proof, source: str, target: str) -> None:
        sites = context.site_of(source), context.site_of(target)
        hops = {sites[0]: _hops(context, sites[0]), sites[1]: _hops(context, sites[1])[::-1]}
        probes = wire.make(
            context, source, target, protocol="udp", destination_port=self.destination_port, count=self.packets
        )
        points = {
            site: [
                wire.port_point(context, proof, site, hop.port, f"{source}→{target} {site} {hop.label}")
                for hop in hops[site]
            ]
            for site in sites
        }
        flows = {site: context.view(site).flows() for site in sites}
        far = wire.host_point(context, proof, target)
        for point in (*points[sites[0]], *points[sites[1]]):
            point.capture.path = point.capture.path.with_stem(f"{source}-{target}-{point.capture.path.stem}")
        with wire.watched(proof, [*points[sites[0]], *points[sites[1]], far]), probes.target_open():
            probes.send()
            proof.until("the last packet at the far host", 3, lambda: wire.arrived(probes)(far.capture.path))
        for site in sites:
            way = f"{source}→{target} at {site}"
            self._captures(proof, way, site, hops[site], points[site], probes)
            self._counters(context, proof, way, site, hops[site], flows[site])

    def _captures(
        self, proof: Proof, way: str, site: str, hops: list[Hop], points: list[wire.Point], probes: wire.Probes
    ) -> None:
        """Each clear port saw each packet once; the times at which it did rise along the chain."""
        clear = [(hop, point) for hop, point in zip(hops, points, strict=True) if hop.clear]
        for hop, point in clear:
            seen = point.sightings(probes.frames)
            once = sum(count == 1 for count in seen)
            message = (
                f"{way}: {hop.label} saw {sum(map(bool, seen))} of {self.packets} packets: the chain is bypassed there"
            )
            element = f"vnf:{site}/{hop.kind}" if hop.kind else f"site:{site}"
            proof.equal(
                f"{way}: packets seen once at {hop.label}", once, self.packets, message=message, element=element
            )
        ordered = sum(_rises([_first(point, item) for _, point in clear]) for item in probes.frames)
        names = " → ".join(hop.label for hop, _ in clear)
        proof.check(
            f"{way}: order", ordered == self.packets, expected=names, measured=f"{ordered} of {self.packets} packets so"
        )

    def _counters(
        self, context: Context, proof: Proof, way: str, site: str, hops: list[Hop], before: list[FlowEntry]
    ) -> None:
        """The rules between one hop and the next are the service's own, single, and counted the packets."""
        after = context.view(site).flows()
        earlier = {flow.identity: flow.packets for flow in before}
        rows = list(_between(hops))
        for here, there in rows:
            matched = [
                flow
                for flow in after
                if flow.in_port in (here.port, None) and flow.packets > earlier.get(flow.identity, 0)
            ]
            outputs = sorted({port for flow in matched for port in flow.outputs})
            name = f"{way}: rule from {here.label}"
            proof.equal(f"{name}: outputs", outputs, [there.port], element=f"site:{site}")
            own = all(flow.cookie for flow in matched)
            proof.check(
                f"{name}: owner", own and len(matched) == 1, expected="one rule of the service", measured=len(matched)
            )
            risen = sum(flow.packets - earlier.get(flow.identity, 0) for flow in matched)
            proof.check(f"{name}: counter", risen >= self.packets, expected=f"≥ {self.packets}", measured=risen)

    def live_command(self, context: Context) -> str:
        site = context.site_of(self.from_)
        return f"lso exec {context.lab.id} {site} -- ovs-ofctl -O OpenFlow14 --names dump-flows br-ucpe"


def _hops(context: Context, site: str) -> list[Hop]:
    """Return the ports of *site*'s chain from LAN to WAN, in the order that the scenario promises."""
    ports = {(port.kind, port.role): port.name for port in context.view(site).ports(context.service_id)}
    hops = [Hop(LAN, LAN, clear=True)]
    for kind in context.scenario.service.chain:
        for role in ("lan", "wan"):
            clear = not (kind == "ipsec" and role == "wan")
            hops.append(Hop(ports.get((kind, role), f"missing-{kind}-{role}"), f"{kind} {role}", clear, kind))
    return [*hops, Hop(WAN, WAN, clear=False)]


def _between(hops: list[Hop]) -> list[tuple[Hop, Hop]]:
    """Return the pairs of ports that a rule joins: out of one VNF, into the next."""
    return list(zip(hops[::2], hops[1::2], strict=True))


def _first(point: wire.Point, item: wire.Probe) -> float | None:
    frames = find_bytes(point.capture.path, item.token)
    return frames[0].timestamp if frames else None


def _rises(times: list[float | None]) -> bool:
    known = [time for time in times if time is not None]
    return len(known) == len(times) and known == sorted(known)
