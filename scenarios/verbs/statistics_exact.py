"""``statistics.exact``: the statistics VNFs count neither more nor less than what was sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from pydantic import Field

from reports.model import Check
from reports.text import count_text
from scenarios.network import losses, meters, wire
from scenarios.network.conservation import SETTLING_LOOKS, meter_counts
from scenarios.network.drawn.mixture import new_seed
from scenarios.network.drawn.stream import BACK, FORTH, counted
from scenarios.network.meters import LAN_TO_WAN, WAN_TO_LAN, MeterCount
from scenarios.steps.checks import Judgement, check, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence, File, read_json
from scenarios.steps.recorder import Recorder
from testbed.errors import ProbeError
from testbed.packets import Count, FlowKey, StreamResult

KIND = "statistics"
METRICS = "/vnf/metrics"
INTERVAL_SECONDS = 0.0003
MOST_LACKING_PERCENT = 1
"""So much of the stream the flows of a VNF may lack that states their error; its totals lack nothing."""
_SHOWN = 5

Flows = dict[FlowKey, Count]
Statuses = dict[str, dict[str, dict[str, Any]]]
Counts = dict[str, dict[str, MeterCount]]


class FlowCount(Evidence):
    """A flow of the stream: what it sends without loss, answers included, and what was received at its end."""

    key: FlowKey
    sent: Count
    received: Count


class Stream(Evidence):
    """The stream that was drawn from *seed* and sent; *loss_percent* of it the underlay may lose by its declaration."""

    seed: int
    flows: tuple[FlowCount, ...]
    loss_percent: float

    def carried(self) -> tuple[Flows, Flows]:
        """Return what left each site of every flow, and what entered the other: the same, but for declared loss.

        With loss, only echo requests that were received are answered.
        """
        sent = {flow.key: flow.sent for flow in self.flows}
        if not self.loss_percent:
            return sent, sent
        left, received = dict(sent), {flow.key: flow.received for flow in self.flows}
        for key in sent:
            if (key.protocol, key.direction) == ("icmp", BACK):
                left[key] = next(received[to] for to in sent if (to.protocol, to.direction) == ("icmp", FORTH))
        return left, received

    def expected(self, directions: Mapping[str, str]) -> meters.Totals:
        """Return what each counter of a VNF must have risen by; *directions* are its names for those of the stream."""
        left, entered = self.carried()
        passed = {key: (left if directions[key.direction] == LAN_TO_WAN else entered)[key] for key in left}
        return meters.expected(passed, directions)


class VnfCounters(Evidence):
    """The status of one statistics VNF ``before`` and ``after`` the stream, and its ``metrics`` then, as a document.

    *name* is for people: the site's, with the VNF's where the site has several. *element* is that of the picture,
    *directions* are the VNF's own names for the stream's. *until* is all that came to it before the stream, None where
    nothing was read before the order.
    """

    name: str
    element: str
    directions: dict[str, str]
    status: File
    until: MeterCount | None = None


class NeverAtRest(ProbeError):
    """Packets went on through the chains, so that nothing tells whether the totals before the stream were right."""


class StatisticsEvidence(Evidence):
    """The stream, and the counters of all VNFs that it has to pass; *rested*: whether those did before it."""

    stream: Stream
    vnfs: tuple[VnfCounters, ...]
    rested: bool


class StatisticsExact(wire.UdpVerb, name="statistics.exact"):
    """Prove that the counters of every statistics VNF on the way equal the ground truth of a counted stream.

    *Expected results*: at both sites the packets and layer-3 bytes of each direction, of each protocol and of each
    flow rose by exactly what the stream sent: UDP and TCP both ways, ICMP echo with its replies, as far as the service
    allows them, to ports, of sizes and in an order that are drawn from the seed. No other counter but that of ARP rose,
    none is beyond its direction's total, and the VNF lost count of nothing. Before the stream the totals were what the
    switch had given the VNF since the order. ``/vnf/metrics`` tells the numbers of the status. Where the underlay
    declares loss, the counters of what comes from it rose by exactly what arrived, and no more is missing than chance
    allows. Flows may lack what the VNF states as their error, which is at most a hundredth of the stream.

    *Fails when* a counter misses or invents a packet or a byte, a flow is invented, packets do not pass the VNF, totals
    are wrong from the start, or two ways to ask give two answers. Counters that other traffic keeps from resting before
    the stream are an error: then nothing tells what they should have been.

    *Example*: ``{verb: statistics.exact, with: {from: a1, to: b1, destination_port: 9004, packets: 1000}}``
    """

    asks: ClassVar[str] = KIND
    packets: int = Field(
        default=200, ge=10, le=100_000, description="packets each way: a tenth echoes, a fifth TCP, the others UDP"
    )
    within_seconds: float = Field(default=3, gt=0, description="how long the last packet may take to be counted")
    seed: int | None = Field(default=None, ge=0, description="repeats the stream of the evidence that names it")

    def observe(self, context: Context, recorder: Recorder) -> StatisticsEvidence:
        seed, port = new_seed(self.seed), self.destination_port
        flows = counted(context, self.from_, self.to, seed=seed, packets=self.packets, udp_port=port)
        sites = {context.site_of(self.from_): {FORTH: LAN_TO_WAN, BACK: WAN_TO_LAN}}
        sites[context.site_of(self.to)] = {FORTH: WAN_TO_LAN, BACK: LAN_TO_WAN}
        before, until, rested = self._at_rest(context, recorder, list(sites))
        result = flows.run(INTERVAL_SECONDS, self.within_seconds)
        percent = losses.declared_percent(context, self.from_, self.to)
        stream = Stream(seed=seed, flows=_flow_counts(result), loss_percent=percent)
        vnfs: list[VnfCounters] = []
        meant = [(site, vnf) for site in sites for vnf in before[site]]

        def look(one: tuple[str, str]) -> dict[str, Any]:
            site, vnf = one
            return self._counted(context, recorder, *one, before[site][vnf], stream.expected(sites[site]))

        with recorder.until_fault(), ThreadPoolExecutor() as pool:
            for (site, vnf), after in zip(meant, pool.map(look, meant), strict=True):
                name = site if len(before[site]) == 1 else f"{site}/{vnf}"
                title = f"the statistics VNF of {name} before and after"
                document = {"before": before[site][vnf], **after}
                vnfs.append(
                    VnfCounters(
                        name=name,
                        element=f"vnf:{site}/{vnf}",
                        directions=sites[site],
                        status=recorder.json(f"{name.replace('/', '-')}.json", title, document),
                        until=until[site].get(vnf),
                    )
                )
        return StatisticsEvidence(stream=stream, vnfs=tuple(vnfs), rested=rested)

    def judge(self, evidence: StatisticsEvidence) -> Judgement:
        stream = evidence.stream
        checks = [*_loss_checks(stream)]
        for vnf in evidence.vnfs:
            checks += _counter_checks(vnf, stream.expected(vnf.directions))
        if not evidence.rested:
            told = "the counters did not rest before the stream: what they should have been then is not known"
            return Judgement(checks, error=NeverAtRest(told))
        packets = sum(count.packets for count in stream.carried()[1].values())
        carried = f"both sites counted exactly what they carried, {count_text(packets, 'packet')} from end to end"
        return Judgement(checks, f"{carried}, drawn from seed {stream.seed}")

    def _at_rest(self, context: Context, recorder: Recorder, sites: Sequence[str]) -> tuple[Statuses, Counts, bool]:
        """Return the statuses at *sites* once no counter moves, what had come, and whether it was so in time."""
        seen: list[tuple[Statuses, Counts]] = []

        def rests() -> bool:
            with ThreadPoolExecutor() as pool:
                statuses = pool.map(lambda site: context.vnf_statuses(site, KIND) or {KIND: {}}, sites)
                of_sites = dict(zip(sites, statuses, strict=True))
                counts = pool.map(lambda site: meter_counts(context, site), sites)
                seen.append((of_sites, dict(zip(sites, counts, strict=True))))
            return len(seen) > 1 and _all_totals(seen[-1][0]) == _all_totals(seen[-2][0])

        rested = recorder.until("counters at rest", self.within_seconds, rests, looks=SETTLING_LOOKS)
        # The ports were looked at between the two statuses that are the same; else nothing fits together.
        return seen[-1][0], seen[-2][1] if rested else {site: {} for site in sites}, bool(rested)

    def _counted(
        self,
        context: Context,
        recorder: Recorder,
        site: str,
        vnf: str,
        before: Mapping[str, Any],
        expected: meters.Totals,
    ) -> dict[str, Any]:
        """Return status and metrics of *vnf* at *site* once its counters rose as *expected*, or time is up."""
        start, seen = meters.totals(before), dict[str, Any]()

        def counted() -> bool:
            seen["after"] = context.vnf_statuses(site, KIND).get(vnf, {})
            return meters.risen(start, meters.totals(seen["after"]), expected) == expected

        def told_alike() -> bool:
            """A flow may end between the two: the metrics are those of the status before them, or of the next one."""
            if "metrics" in seen:
                counted()
                if not meters.differing(seen["metrics"], seen["after"]):
                    return True
            seen["metrics"] = context.vnf_texts(site, KIND, METRICS).get(vnf, "")
            return not meters.differing(seen["metrics"], seen["after"])

        recorder.until(f"counters of {site}/{vnf}", self.within_seconds, counted)
        recorder.until(f"metrics of {site}/{vnf}", self.within_seconds, told_alike)
        return seen

    def live_command(self, context: Context) -> str:
        node = context.vnf_node(context.site_of(self.from_), KIND)
        return f"lso exec {context.lab.id} {node} -- /vnf/metrics"


def _all_totals(statuses: Statuses) -> dict[tuple[str, str], Any]:
    return {(site, vnf): meters.at_rest(status) for site, own in statuses.items() for vnf, status in own.items()}


def _flow_counts(result: StreamResult) -> tuple[FlowCount, ...]:
    expected, received = result.expected.flows, result.received.flows
    return tuple(FlowCount(key=key, sent=sent, received=received.get(key, Count())) for key, sent in expected.items())


def _loss_checks(stream: Stream) -> Iterator[Check]:
    """Yield the check of each protocol both ways that no more is missing than chance allows, where loss is declared."""
    left, entered = stream.carried()
    ways = sorted({(key.protocol, key.source, key.destination) for key in left}) if stream.loss_percent else ()
    for protocol, source, destination in ways:
        own = [key for key in left if (key.protocol, key.source, key.destination) == (protocol, source, destination)]
        sent = sum(left[key].packets for key in own)
        allowed, lost = losses.most_lost(sent, stream.loss_percent), sent - sum(entered[key].packets for key in own)
        name = f"{protocol} from {source} to {destination}: packets that the underlay lost"
        yield check(name, 0 <= lost <= allowed, expected=f"≤ {allowed}", measured=lost)


def _counter_checks(vnf: VnfCounters, expected: meters.Totals) -> Iterator[Check]:
    """Yield the checks that each counter of *vnf* rose by what it has to, and that none of the others did."""
    status = read_json(vnf.status)
    before, after = meters.totals(status["before"]), meters.totals(status["after"])
    risen, stated = meters.risen(before, after, expected), meters.flows_error(status["before"], status["after"])
    excused = meters.excused(expected, risen, stated)
    for name, measured in risen.items():
        holds, wanted = measured == expected[name] or name in excused, _text(expected[name])
        yield check(f"{vnf.name}: {name}", holds, expected=wanted, measured=_text(measured), element=vnf.element)
    if "flows_error" in status["after"]:
        sent = sum(count.packets for name, count in expected.items() if name.kind == meters.DIRECTION)
        most, lacking = sent * MOST_LACKING_PERCENT // 100, f"{vnf.name}: packets that its flows lack, as it states"
        yield check(lacking, stated.packets <= most, expected=f"≤ {most}", measured=stated.packets, element=vnf.element)
    others = [f"{name}: {_text(count)}" for name, count in meters.unexplained(before, after, expected).items()]
    shown = [*sorted(others)[:_SHOWN], *([f"{len(others) - _SHOWN} more"] if len(others) > _SHOWN else [])]
    yield equal(f"{vnf.name}: counted though it was not sent", shown, [], element=vnf.element)
    beyond = meters.overstated(status["after"])
    yield equal(f"{vnf.name}: counts beyond the direction's total", beyond, [], element=vnf.element)
    lost = status["after"].get("lost")
    yield equal(f"{vnf.name}: packets that it lost count of", lost, 0, element=vnf.element)
    if vnf.until:
        yield from meters.port_checks(vnf.name, status["before"], vnf.until, vnf.element)
    if "metrics" in status:
        differing = meters.differing(status["metrics"], status["after"])[:_SHOWN]
        yield equal(
            f"{vnf.name}: samples of {METRICS} that are not those of the status", differing, [], element=vnf.element
        )


def _text(count: Count) -> str:
    return f"{count_text(count.packets, 'packet')}, {count.bytes} bytes"
