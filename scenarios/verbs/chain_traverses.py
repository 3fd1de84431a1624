"""``chain.traverses``: every packet visits each VNF in the template's order, both ways, and nothing bypasses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pydantic import Field

from reports.model import Check
from reports.text import count_text
from scenarios.network import chain, wire
from scenarios.network.chain import Hop
from scenarios.steps.checks import Judgement, check, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence
from scenarios.steps.recorder import Recorder
from testbed import esp
from testbed.capture import Frame
from testbed.ucpe_view import FlowEntry


class HopCapture(Evidence):
    """A port of the switch on the packets' way, and what was captured there."""

    hop: Hop
    capture: wire.CaptureFile


class Site(Evidence):
    """One site of the way: its ports as the packets meet them, and the rules that counted, with what they counted."""

    name: str
    hops: tuple[HopCapture, ...]
    rules: tuple[FlowEntry, ...] = ()


class Way(Evidence):
    """Packets that were sent one way, and the two sites that they cross."""

    probes: wire.Probes
    near: Site
    far: Site


class ChainEvidence(Evidence):
    """What was seen of the service's packets there and back, through VNFs of the kinds in *chain*."""

    service_id: str
    chain: tuple[str, ...]
    ways: tuple[Way, ...]


class ChainTraverses(wire.UdpVerb, name="chain.traverses"):
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

    packets: int = Field(default=10, ge=1, le=200)
    within_seconds: float = Field(
        default=3, gt=0, description="how long the last packet may take to arrive and be counted"
    )

    def observe(self, context: Context, recorder: Recorder) -> ChainEvidence:
        ways: list[Way] = []
        with recorder.until_fault():
            for source, target in ((self.from_, self.to), (self.to, self.from_)):
                ways.append(self._way(context, recorder, source, target))
        kinds = tuple(context.scenario.service.chain)
        return ChainEvidence(service_id=context.service_id, chain=kinds, ways=tuple(ways))

    def judge(self, evidence: ChainEvidence) -> Judgement:
        checks = [item for way in evidence.ways for item in _way_checks(way, evidence.service_id)]
        names = ", ".join(evidence.chain)
        return Judgement(checks, f"{2 * self.packets} packets visited {names} in this order at both sites, both ways")

    def _way(self, context: Context, recorder: Recorder, source: str, target: str) -> Way:
        """Send packets from *source* to *target*; return what every port of both chains and their rules saw."""
        sites = context.site_of(source), context.site_of(target)
        hops = chain.complete(context, sites[0]), chain.complete(context, sites[1])[::-1]
        probes = self.probes(context, source, target)
        names = f"{source}-{target}-", f"{source}→{target}"
        points = [_points(context, recorder, site, way, *names) for site, way in zip(sites, hops, strict=True)]
        before = [context.view(site).flows() for site in sites]
        far, last = wire.host_point(context, recorder, target), "the last packet at the far host"
        wire.exchange(context, recorder, [probes], [*points[0], *points[1], far], far, last, self.within_seconds)
        seen = [
            Site(
                name=site,
                hops=tuple(HopCapture(hop=hop, capture=it.result) for hop, it in zip(way, here, strict=True)),
            )
            for site, way, here in zip(sites, hops, points, strict=True)
        ]
        counts = len(probes.frames), len(_due(probes, seen[1])[0])
        near, far_site = (
            self._with_rules(context, recorder, site, earlier, count)
            for site, earlier, count in zip(seen, before, counts, strict=True)
        )
        return Way(probes=probes, near=near, far=far_site)

    def _with_rules(
        self, context: Context, recorder: Recorder, site: Site, before: Sequence[FlowEntry], count: int
    ) -> Site:
        """Return *site* with what its rules counted since *before*, once all counted *count* packets or time is up.

        The switch adds them up some time after they passed.
        """
        earlier = {flow.identity: flow.packets for flow in before}
        ports = {entry.hop.port for entry in site.hops} | {None}

        def risen() -> list[FlowEntry]:
            flows = (flow for flow in context.view(site.name).flows() if flow.in_port in ports)
            since = (replace(flow, packets=flow.packets - earlier.get(flow.identity, 0)) for flow in flows)
            return [flow for flow in since if flow.packets > 0]

        def counted() -> bool:
            rules, joints = risen(), chain.joints([entry.hop for entry in site.hops])
            return all(sum(flow.packets for flow in _from(here, rules)) >= count for here, _ in joints)

        recorder.until(f"counters of the rules at {site.name}", self.within_seconds, counted)
        return site.model_copy(update={"rules": tuple(risen())})

    def live_command(self, context: Context) -> str:
        site = context.site_of(self.from_)
        return f"lso exec {context.lab.id} {site} -- ovs-ofctl -O OpenFlow14 --names dump-flows br-ucpe"


def _points(
    context: Context, recorder: Recorder, site: str, hops: Sequence[Hop], prefix: str, label: str
) -> list[wire.Point]:
    return [wire.port_point(context, recorder, site, hop.port, f"{label} {site} {hop.label}", prefix) for hop in hops]


def _due(probes: wire.Probes, far: Site) -> tuple[tuple[wire.Probe, ...], list[Check]]:
    """Return the packets that must pass the far site, all but those that an underlay lost, and the check of these."""
    if not probes.allowed_losses:
        return probes.frames, []
    clear = [entry.capture.sightings(probes.frames) for entry in far.hops if entry.hop.clear]
    counts = zip(*clear, strict=True)
    seen = tuple(item for item, times in zip(probes.frames, counts, strict=True) if any(times))
    lost, allowed = len(probes.frames) - len(seen), probes.allowed_losses
    name = f"{probes.source}→{probes.target}: packets that the underlay lost"
    within = lost <= allowed
    return seen if within else probes.frames, [check(name, within, expected=f"≤ {allowed}", measured=lost)]


def _way_checks(way: Way, service_id: str) -> Iterator[Check]:
    probes = way.probes
    due, losses = _due(probes, way.far)
    yield from losses
    for site, frames in ((way.near, probes.frames), (way.far, due)):
        name = f"{probes.source}→{probes.target} at {site.name}"
        yield from _clear_checks(name, site, frames)
        for entry in site.hops:
            if not entry.hop.clear:
                yield _hidden(name, site, entry, probes.frames)
        yield from _rule_checks(name, site, service_id, len(frames))


def _clear_checks(way: str, site: Site, frames: Sequence[wire.Probe]) -> Iterator[Check]:
    """Yield the checks that each clear port saw each packet once, in the order of the chain."""
    clear = [entry for entry in site.hops if entry.hop.clear]
    found = [entry.capture.frames(frames) for entry in clear]
    for entry, seen in zip(clear, found, strict=True):
        yield _seen_once(way, site, entry.hop, [len(times) for times in seen])
    ordered = sum(map(_in_order, zip(*found, strict=True)))
    names, measured = " → ".join(entry.hop.label for entry in clear), f"{ordered} of {_packets(len(frames))} so"
    yield check(f"{way}: order", ordered == len(frames), expected=names, measured=measured)


def _seen_once(way: str, site: Site, hop: Hop, seen: Sequence[int]) -> Check:
    once, some, sent = sum(count == 1 for count in seen), sum(map(bool, seen)), len(seen)
    reason = "the chain is bypassed or cut there" if some < sent else "some of them several times"
    message = f"{way}: {hop.label} saw {some} of {_packets(sent)}: {reason}"
    element = f"vnf:{site.name}/{hop.vnf}" if hop.vnf else f"site:{site.name}"
    return equal(f"{way}: packets seen once at {hop.label}", once, sent, message=message, element=element)


def _in_order(sightings: Sequence[Sequence[Frame]]) -> bool:
    """Tell whether a packet was seen at every port, first at the first one and so on."""
    times = [frames[0].timestamp for frames in sightings if frames]
    return len(times) == len(sightings) and times == sorted(times)


def _hidden(way: str, site: Site, entry: HopCapture, frames: Sequence[wire.Probe]) -> Check:
    """Return the check that no packet was seen outside ESP beyond the gateway."""
    bare = sum(any(map(_outside_esp, seen)) for seen in entry.capture.frames(frames))
    label = entry.hop.label
    message = f"{way}: {label} saw {bare} of {_packets(len(frames))} outside ESP: they bypass the gateway"
    return equal(f"{way}: packets outside ESP at {label}", bare, 0, message=message, element=f"site:{site.name}")


def _outside_esp(frame: Frame) -> bool:
    return esp.classify(frame.data) not in (esp.Kind.ESP, esp.Kind.ESP_IN_UDP)


def _rule_checks(way: str, site: Site, service_id: str, count: int) -> Iterator[Check]:
    """Yield the checks that the rules between one hop and the next are the service's own, single, and counted all."""
    for here, there in chain.joints([entry.hop for entry in site.hops]):
        matched = _from(here, site.rules)
        name = f"{way}: rule from {here.label}"
        outputs = sorted({port for flow in matched for port in flow.outputs})
        yield equal(f"{name}: outputs", outputs, [there.port], element=f"site:{site.name}")
        single = len(matched) == 1 and chain.owned(matched[0], service_id)
        texts = [flow.text() for flow in matched]
        yield check(f"{name}: owner", single, expected="one rule of the service", measured=texts)
        counted = sum(flow.packets for flow in matched)
        yield check(f"{name}: counter", counted >= count, expected=f"≥ {count}", measured=counted)


def _from(here: Hop, flows: Sequence[FlowEntry]) -> list[FlowEntry]:
    return [flow for flow in flows if flow.in_port in (here.port, None)]


def _packets(number: int) -> str:
    return count_text(number, "packet")
