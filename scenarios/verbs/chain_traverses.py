"""``chain.traverses``: every packet visits each VNF in the template's order, both ways, and nothing bypasses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import ClassVar

from pydantic import Field

from reports.model import Check
from reports.text import count_text
from scenarios.network import chain, losses, wire
from scenarios.network.chain import Hop
from scenarios.network.conserved import ROUTERS, flow_of
from scenarios.network.drawn.mixture import Mixture, draw, new_seed
from scenarios.network.passage import Stop, overtaken, passed
from scenarios.steps.checks import Judgement, check, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence
from scenarios.steps.recorder import Recorder
from testbed import esp
from testbed.capture import Frame
from testbed.ucpe_view import FlowEntry

SPACINGS = (wire.SPACING_SECONDS, 0.02, 0.06)
"""Seconds between packets, for each time that they are sent until none has overtaken another.

Under load the switch takes several packets at a time and passes them on by their kind, and two processors empty a queue
in either order. With more room between them that ends; a middle that swaps packets goes on.
"""


class HopCapture(Evidence):
    """A port of the switch on the packets' way, and what was captured there."""

    hop: Hop
    capture: wire.CaptureFile


class Site(Evidence):
    """One site of the way: its ports as the packets meet them, and the rules that counted, with what they counted."""

    name: str
    hops: tuple[HopCapture, ...]
    rules: tuple[FlowEntry, ...] = ()


@dataclass(frozen=True)
class Crossing:
    """What was seen of packets at a site, *routers* behind the sender: its *stops*, and what was *due* there.

    *name* is that of its checks; *lost* are those of what an underlay lost on the way there.
    """

    name: str
    site: Site
    routers: int
    stops: Sequence[Stop]
    due: Sequence[wire.Probe]
    lost: Sequence[Check] = ()


class Way(Evidence):
    """Packets that were sent one way, the two sites that they cross, and what arrived at the far *host*.

    *ordered* tells that the underlay keeps them in order, by its declaration.
    """

    probes: Mixture
    near: Site
    far: Site
    host: wire.CaptureFile
    ordered: bool

    @cached_property
    def crossings(self) -> tuple[Crossing, Crossing]:
        """What was seen at both sites, the near one first; the captures are read for it."""
        near, far = (_stops(site, self.probes) for site in (self.near, self.far))
        host = Stop.of(self.host, self.probes.target, f"site:{self.far.name}", self.probes.frames)
        due, lost = _due(self.probes, far)
        label = f"{self.probes.source}→{self.probes.target} at "
        return (
            Crossing(f"{label}{self.near.name}", self.near, 0, near, self.probes.frames),
            Crossing(f"{label}{self.far.name}", self.far, ROUTERS, [*far, host], due, lost),
        )

    def overtaken(self) -> list[list[str]]:
        """Return for both sites the ports where packets had overtaken others, though the way keeps them in order."""
        near, far = (overtaken(site.stops, site.due) for site in self.crossings)
        return [near, far if self.ordered else []]


class ChainEvidence(Evidence):
    """What was seen of the service's packets there and back, through VNFs of the kinds in *chain*."""

    service_id: str
    chain: tuple[str, ...]
    ways: tuple[Way, ...]


class ChainTraverses(wire.UdpVerb, name="chain.traverses"):
    """Prove the chain by captures on every port of it and by the counters of its OpenFlow rules.

    *Expected results*, in both directions and at both sites: each packet, UDP, TCP and ICMP as far as the service
    allows them, is seen once at every port of the chain and at the far host, in the order of the scenario's
    ``service.chain``, as the whole frame that was sent but for what two routers change (RFC 1812, 5.3.1), and none has
    overtaken another, unless an underlay has jitter; where some have, others are sent, further apart, at most twice.
    Between one VNF's exit and the next one's entry stands exactly one rule that matched, it belongs to the service, it
    has that one output, and its counter rose by at least the packets sent; beyond the IPsec gateway no packet is seen
    outside ESP. Ports, sizes and contents are drawn from the seed.

    Packets that an underlay loses, as many as it declares, are not looked for beyond it.

    *Fails when* a rule of higher priority bypasses a VNF, VNFs stand in another order or are visited twice, a VNF
    changes, repeats or swaps packets, or a foreign rule carries them.

    *Example*: ``{verb: chain.traverses, with: {from: a1, to: b1, destination_port: 9003}}``
    """

    beside: ClassVar[bool] = True
    packets: int = Field(default=10, ge=1, le=200, description="how many are sent each way")
    within_seconds: float = Field(
        default=3, gt=0, description="how long the last packet may take to arrive and be counted"
    )
    seed: int | None = Field(default=None, ge=0, description="repeats the packets of the evidence that names it")

    def observe(self, context: Context, recorder: Recorder) -> ChainEvidence:
        seed, ways = new_seed(self.seed), list[Way]()
        with recorder.until_fault():
            for source, target in ((self.from_, self.to), (self.to, self.from_)):
                for number in range(len(SPACINGS)):
                    ways.append(self._way(context, recorder, source, target, seed, number))
                    if not any(ways[-1].overtaken()):
                        break
        kinds = tuple(context.scenario.service.chain)
        return ChainEvidence(service_id=context.service_id, chain=kinds, ways=tuple(ways))

    def judge(self, evidence: ChainEvidence) -> Judgement:
        checks = [item for way in evidence.ways for item in _way_checks(way, evidence.service_id)]
        for _, tries in groupby(evidence.ways, key=lambda way: way.probes.source):
            checks += _order_checks(list(tries))
        names, seeds = ", ".join(evidence.chain), {way.probes.seed for way in evidence.ways}
        sent = sum(len(way.probes.drawn) for way in evidence.ways)
        visited = f"{sent} packets visited {names} in this order at both sites, both ways"
        return Judgement(checks, f"{visited}, drawn from seed {', '.join(map(str, seeds))}")

    def _way(self, context: Context, recorder: Recorder, source: str, target: str, seed: int, number: int) -> Way:
        """Send packets from *source* to *target*, for the *number*-th time after the first.

        Returns what every port of both chains and their rules saw.
        """
        sites = context.site_of(source), context.site_of(target)
        hops = chain.complete(context, sites[0]), chain.complete(context, sites[1])[::-1]
        port = self.destination_port
        probes = draw(context, source, target, seed=seed + number, count=self.packets, udp_port=port)
        again = f"again-{number}-" if number else ""
        names = f"{again}{source}-{target}-", f"{source}→{target}"
        points = [_points(context, recorder, site, way, *names) for site, way in zip(sites, hops, strict=True)]
        before = [context.view(site).flows() for site in sites]
        far, last = wire.host_point(context, recorder, target, prefix=again), "the last packet at the far host"
        wire.exchange(
            context, recorder, [probes], [*points[0], *points[1], far], far, last, self.within_seconds, SPACINGS[number]
        )
        seen = [
            Site(
                name=site,
                hops=tuple(HopCapture(hop=hop, capture=it.result) for hop, it in zip(way, here, strict=True)),
            )
            for site, way, here in zip(sites, hops, points, strict=True)
        ]
        counts = len(probes.frames), len(_due(probes, _stops(seen[1], probes))[0])
        near, far_site = (
            self._with_rules(context, recorder, site, earlier, count)
            for site, earlier, count in zip(seen, before, counts, strict=True)
        )
        ordered = losses.keeps_order(context, source, target)
        return Way(probes=probes, near=near, far=far_site, host=far.result, ordered=ordered)

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


def _stops(site: Site, probes: Mixture) -> list[Stop]:
    """Return the ports of *site* where packets are readable, in the order of the way, with what was seen there."""
    return [
        Stop.of(
            entry.capture,
            entry.hop.label,
            f"vnf:{site.name}/{entry.hop.vnf}" if entry.hop.vnf else f"site:{site.name}",
            probes.frames,
        )
        for entry in site.hops
        if entry.hop.clear
    ]


def _due(probes: Mixture, far: Sequence[Stop]) -> tuple[tuple[wire.Probe, ...], list[Check]]:
    """Return the packets that must pass the far site, all but those that an underlay lost, and the check of these."""
    if not probes.allowed_losses:
        return probes.frames, []
    seen = tuple(item for item in probes.frames if any(flow_of(item.packet) in stop.seen for stop in far))
    lost, allowed = len(probes.frames) - len(seen), probes.allowed_losses
    name = f"{probes.source}→{probes.target}: packets that the underlay lost"
    within = lost <= allowed
    return seen if within else probes.frames, [check(name, within, expected=f"≤ {allowed}", measured=lost)]


def _way_checks(way: Way, service_id: str) -> Iterator[Check]:
    for crossing in way.crossings:
        yield from crossing.lost
    for crossing in way.crossings:
        name, site = crossing.name, crossing.site
        yield from passed(name, crossing.stops, crossing.due, crossing.routers)
        for entry in site.hops:
            if not entry.hop.clear:
                yield _hidden(name, site, entry, way.probes.recognisable)
        yield from _rule_checks(name, site, service_id, len(crossing.due))


def _order_checks(tries: Sequence[Way]) -> Iterator[Check]:
    """Yield for both sites the check that in one of *tries*, all of the same way, no packet overtook another."""
    for crossing, found in zip(tries[0].crossings, zip(*(way.overtaken() for way in tries), strict=True), strict=True):
        yield equal(f"{crossing.name}: ports where packets have overtaken others", min(found, key=len), [])


def _hidden(way: str, site: Site, entry: HopCapture, frames: Sequence[wire.Probe]) -> Check:
    """Return the check that no packet was seen outside ESP beyond the gateway."""
    bare = sum(any(map(_outside_esp, seen)) for seen in entry.capture.frames(frames))
    label = entry.hop.label
    message = f"{way}: {label} saw {bare} of {count_text(len(frames), 'packet')} outside ESP: they bypass the gateway"
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
