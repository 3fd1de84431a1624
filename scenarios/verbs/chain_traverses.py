"""``chain.traverses``: every packet visits each VNF in the template's order, both ways, and nothing bypasses."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from reports.text import count_text
from scenarios import chain, wire
from scenarios.chain import Hop
from scenarios.context import Context
from scenarios.proof import Proof
from scenarios.verb import Host, Verb
from testbed import esp
from testbed.capture import find_bytes
from testbed.ucpe_view import FlowEntry

Frames = tuple[wire.Probe, ...]


class ChainTraverses(Verb, name="chain.traverses"):
    """Prove the chain by captures on every port of it and by the counters of its OpenFlow rules.

    *Expected results*, in both directions and at both sites: each packet is seen once at every port of the chain,
    in the order of the scenario's ``service.chain``; between one VNF's exit and the next one's entry stands exactly
    one rule that matched, it belongs to the service, it has that one output, and its counter rose by at least the
    packets sent; beyond the IPsec gateway no packet is seen outside ESP.

    Packets that an underlay loses, as many as it declares, are not looked for beyond it.

    *Fails when* a rule of higher priority bypasses a VNF, VNFs stand in another order, or a foreign rule carries
    the packets.

    *Example*: ``{verb: chain.traverses, with: {from: a1, to: b1, destination_port: 9003}}``
    """

    from_: Host = Field(alias="from")
    to: Host
    destination_port: int = Field(ge=1, le=65535, description="a UDP port that the service's flows allow")
    packets: int = Field(default=10, ge=1, le=200)
    within_seconds: float = Field(
        default=3, gt=0, description="how long the last packet may take to arrive and be counted"
    )

    def prove(self, context: Context, proof: Proof) -> str:
        for source, target in ((self.from_, self.to), (self.to, self.from_)):
            self._one_way(context, proof, source, target)
        names = ", ".join(context.scenario.service.chain)
        return f"{2 * self.packets} packets visited {names} in this order at both sites, both ways"

    def _one_way(self, context: Context, proof: Proof, source: str, target: str) -> None:
        sites = context.site_of(source), context.site_of(target)
        hops = {sites[0]: chain.complete(context, sites[0]), sites[1]: chain.complete(context, sites[1])[::-1]}
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
            proof.until("the last packet at the far host", self.within_seconds, wire.arrived(probes, far))
        there = self._crossed(proof, probes, hops[sites[1]], points[sites[1]])
        for site, frames in zip(sites, (probes.frames, there), strict=True):
            way = f"{source}→{target} at {site}"
            self._captures(proof, way, site, hops[site], points[site], frames)
            for hop, point in zip(hops[site], points[site], strict=True):
                if not hop.clear:
                    self._hidden(proof, way, site, hop, point, probes.frames)
            self._counters(context, proof, way, site, hops[site], flows[site], len(frames))

    def _crossed(self, proof: Proof, probes: wire.Probes, hops: list[Hop], points: list[wire.Point]) -> Frames:
        """Return the packets that have to pass the far site: all but those that an underlay lost, as it is to do."""
        clear = [point.sightings(probes.frames) for hop, point in zip(hops, points, strict=True) if hop.clear]
        seen = tuple(item for item, counts in zip(probes.frames, zip(*clear, strict=True), strict=True) if any(counts))
        lost, allowed = len(probes.frames) - len(seen), probes.allowed_losses()
        if not allowed:
            return probes.frames
        name = f"{probes.source}→{probes.target}: packets that the underlay lost"
        return seen if proof.check(name, lost <= allowed, expected=f"≤ {allowed}", measured=lost) else probes.frames

    def _captures(
        self, proof: Proof, way: str, site: str, hops: list[Hop], points: list[wire.Point], frames: Frames
    ) -> None:
        """Each clear port saw each packet once, in the order of the chain."""
        clear = [(hop, point) for hop, point in zip(hops, points, strict=True) if hop.clear]
        for hop, point in zip(hops, points, strict=True):
            if hop.clear:
                self._seen_once(proof, way, site, hop, point, frames)
        ordered = sum(_rises([_first(point, item) for _, point in clear]) for item in frames)
        names = " → ".join(hop.label for hop, _ in clear)
        measured = f"{ordered} of {count_text(len(frames), 'packet')} so"
        proof.check(f"{way}: order", ordered == len(frames), expected=names, measured=measured)

    def _seen_once(self, proof: Proof, way: str, site: str, hop: Hop, point: wire.Point, frames: Frames) -> None:
        seen = point.sightings(frames)
        once, some = sum(count == 1 for count in seen), sum(map(bool, seen))
        reason = "the chain is bypassed or cut there" if some < len(frames) else "some of them several times"
        message = f"{way}: {hop.label} saw {some} of {count_text(len(frames), 'packet')}: {reason}"
        element = f"vnf:{site}/{hop.vnf}" if hop.vnf else f"site:{site}"
        proof.equal(f"{way}: packets seen once at {hop.label}", once, len(frames), message=message, element=element)

    def _hidden(self, proof: Proof, way: str, site: str, hop: Hop, point: wire.Point, frames: Frames) -> None:
        bare = sum(_outside_esp(point, item) for item in frames)
        saw = f"{way}: {hop.label} saw {bare} of {count_text(len(frames), 'packet')} outside ESP"
        message = f"{saw}: they bypass the gateway"
        name = f"{way}: packets outside ESP at {hop.label}"
        proof.equal(name, bare, 0, message=message, element=f"site:{site}")

    def _counters(
        self, context: Context, proof: Proof, way: str, site: str, hops: list[Hop], before: list[FlowEntry], count: int
    ) -> None:
        """The rules between one hop and the next are the service's own, single, and counted *count* packets."""
        earlier = {flow.identity: flow.packets for flow in before}
        joints = list(chain.joints(hops))
        proof.until(
            f"counters of the rules at {site}",
            self.within_seconds,
            lambda: self._counted(context, site, joints, earlier, count),
        )
        risen = _risen(context.view(site).flows(), earlier)
        for here, there in joints:
            matched = _from(here, risen)
            name = f"{way}: rule from {here.label}"
            outputs = sorted({port for flow in matched for port in flow.outputs})
            proof.equal(f"{name}: outputs", outputs, [there.port], element=f"site:{site}")
            single = len(matched) == 1 and chain.owned(matched[0], context.service_id)
            texts = [flow.text() for flow in matched]
            proof.check(f"{name}: owner", single, expected="one rule of the service", measured=texts)
            packets = sum(flow.packets for flow in matched)
            proof.check(f"{name}: counter", packets >= count, expected=f"≥ {count}", measured=packets)

    def _counted(
        self, context: Context, site: str, joints: list[tuple[Hop, Hop]], earlier: dict[FlowEntry, int], count: int
    ) -> bool:
        """Tell whether all rules have counted all packets: the switch adds them up some time after they passed."""
        risen = _risen(context.view(site).flows(), earlier)
        return all(sum(flow.packets for flow in _from(here, risen)) >= count for here, _ in joints)

    def live_command(self, context: Context) -> str:
        site = context.site_of(self.from_)
        return f"lso exec {context.lab.id} {site} -- ovs-ofctl -O OpenFlow14 --names dump-flows br-ucpe"


def _first(point: wire.Point, item: wire.Probe) -> float | None:
    frames = find_bytes(point.capture.path, item.token)
    return frames[0].timestamp if frames else None


def _rises(times: list[float | None]) -> bool:
    known = [time for time in times if time is not None]
    return len(known) == len(times) and known == sorted(known)


def _outside_esp(point: wire.Point, item: wire.Probe) -> bool:
    kinds = (esp.classify(frame.data) for frame in find_bytes(point.capture.path, item.token))
    return any(kind not in (esp.Kind.ESP, esp.Kind.ESP_IN_UDP) for kind in kinds)


def _risen(flows: list[FlowEntry], earlier: dict[FlowEntry, int]) -> list[FlowEntry]:
    """Return the rules that have counted since *earlier*, each with what it has counted since."""
    since = (replace(flow, packets=flow.packets - earlier.get(flow.identity, 0)) for flow in flows)
    return [flow for flow in since if flow.packets > 0]


def _from(here: Hop, flows: list[FlowEntry]) -> list[FlowEntry]:
    return [flow for flow in flows if flow.in_port in (here.port, None)]
