"""``statistics.exact``: the statistics VNFs count neither more nor less than what was sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from reports.model import Check
from reports.text import count_text
from scenarios.network import losses, wire
from scenarios.steps.checks import Judgement, check, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence, File, read_json
from scenarios.steps.recorder import Recorder
from testbed.packets import Count, CountedStream, End, Flow, FlowCounters, FlowKey, StreamResult, interface_mac

FORTH, BACK = "forth", "back"
LAN_TO_WAN, WAN_TO_LAN = "lan-to-wan", "wan-to-lan"
KIND = "statistics"

Flows = dict[FlowKey, Count]


class FlowCount(Evidence):
    """A flow of the stream: what it sends without loss, answers included, and what was received at its end."""

    key: FlowKey
    sent: Count
    received: Count


class Stream(Evidence):
    """The stream that was sent; *loss_percent* of it the underlay may lose by its declaration."""

    flows: tuple[FlowCount, ...]
    loss_percent: float

    def carried(self) -> tuple[Flows, Flows]:
        """Return what left each site of every flow, and what entered the other: the same, but for declared loss.

        With loss, only echo requests that were received are answered.
        """
        sent = {flow.key: flow.sent for flow in self.flows}
        if not self.loss_percent:
            return sent, sent
        (requests,) = [f.received for f in self.flows if (f.key.protocol, f.key.direction) == ("icmp", FORTH)]
        left = {key: requests if (key.protocol, key.direction) == ("icmp", BACK) else sent[key] for key in sent}
        return left, {flow.key: flow.received for flow in self.flows}

    def expected(self, directions: Mapping[str, str]) -> dict[str, Count]:
        """Return what each counter of a VNF must have risen by, under the name that :func:`_totals` gives it.

        *directions* are the VNF's own names for those of the stream.
        """
        left, entered = self.carried()
        flows = {key: (left if directions[key.direction] == LAN_TO_WAN else entered)[key] for key in left}
        expected = {f"direction {directions[name]}": FlowCounters(flows).direction(name) for name in (FORTH, BACK)}
        for key, count in flows.items():
            ports = (key.source_port, key.destination_port) if key.protocol == "udp" else ()
            for name in (
                f"protocol {key.protocol} {directions[key.direction]}",
                _flow_name(key.protocol, key.source, key.destination, *ports),
            ):
                expected[name] = expected.get(name, Count()) + count
        return expected


class VnfCounters(Evidence):
    """The status of one statistics VNF ``before`` and ``after`` the stream, as a document.

    *name* is for people: the site's, with the VNF's where the site has several. *element* is that of the picture,
    *directions* are the VNF's own names for the stream's.
    """

    name: str
    element: str
    directions: dict[str, str]
    status: File


class StatisticsEvidence(Evidence):
    """The stream, and the counters of all VNFs that it has to pass."""

    stream: Stream
    vnfs: tuple[VnfCounters, ...]


class StatisticsExact(wire.UdpVerb, name="statistics.exact"):
    """Prove that the counters of every statistics VNF on the way equal the ground truth of a counted stream.

    *Expected results*: at both sites the packets and layer-3 bytes of each direction, of each protocol and of each
    flow rose by exactly what the stream sent (UDP both ways, ICMP echo with its replies). Where the underlay declares
    loss, the counters of what comes from it rose by exactly what arrived, and no more is missing than chance allows.

    *Fails when* a counter misses or invents a packet or a byte, or the packets do not pass the VNF.

    *Example*: ``{verb: statistics.exact, with: {from: a1, to: b1, destination_port: 9004, packets: 500}}``
    """

    asks: ClassVar[str] = KIND
    packets: int = Field(
        default=200, ge=1, le=100_000, description="UDP packets forth; half as many back, a tenth echoes"
    )
    within_seconds: float = Field(default=3, gt=0, description="how long the last packet may take to be counted")

    def observe(self, context: Context, recorder: Recorder) -> StatisticsEvidence:
        flows = self._flows(context)
        sites = {context.site_of(self.from_): {FORTH: LAN_TO_WAN, BACK: WAN_TO_LAN}}
        sites[context.site_of(self.to)] = {FORTH: WAN_TO_LAN, BACK: LAN_TO_WAN}
        before = {site: context.vnf_statuses(site, KIND) or {KIND: {}} for site in sites}
        result = flows.run(deadline=self.within_seconds)
        stream = Stream(flows=_flow_counts(result), loss_percent=losses.declared_percent(context, self.from_, self.to))
        vnfs: list[VnfCounters] = []
        with recorder.until_fault():
            for site, directions in sites.items():
                for vnf, status in before[site].items():
                    name = site if len(before[site]) == 1 else f"{site}/{vnf}"
                    expected = stream.expected(directions)
                    file = self._counted(context, recorder, site, vnf, name, status, expected)
                    element = f"vnf:{site}/{vnf}"
                    vnfs.append(VnfCounters(name=name, element=element, directions=directions, status=file))
        return StatisticsEvidence(stream=stream, vnfs=tuple(vnfs))

    def judge(self, evidence: StatisticsEvidence) -> Judgement:
        checks = [*_loss_checks(evidence.stream)]
        for vnf in evidence.vnfs:
            checks += _counter_checks(vnf, evidence.stream.expected(vnf.directions))
        packets = sum(count.packets for count in evidence.stream.carried()[1].values())
        carried = f"both sites counted exactly what they carried, {count_text(packets, 'packet')} from end to end"
        return Judgement(checks, carried)

    def _counted(
        self,
        context: Context,
        recorder: Recorder,
        site: str,
        vnf: str,
        name: str,
        before: Mapping[str, Any],
        expected: Mapping[str, Count],
    ) -> Path:
        """Keep the status of *vnf*, called *name*, once its counters rose as *expected*, or the deadline is over."""

        def now() -> dict[str, Any]:
            return context.vnf_statuses(site, KIND).get(vnf, {})

        recorder.until(f"counters of {name}", self.within_seconds, lambda: _risen(before, now(), expected) == expected)
        title = f"the statistics VNF of {name} before and after"
        return recorder.json(f"{name.replace('/', '-')}.json", title, {"before": before, "after": now()})

    def _flows(self, context: Context) -> CountedStream:
        first = context.take_ports(3)
        flows = (
            Flow(FORTH, "udp", self.packets, 400, 40_000 + first, self.destination_port),
            Flow(BACK, "udp", max(1, self.packets // 2), 90, 40_001 + first, self.destination_port),
            Flow(FORTH, "icmp", max(1, self.packets // 10), 56, 40_002 + first),
        )
        return CountedStream({FORTH: self._end(context, self.from_), BACK: self._end(context, self.to)}, flows)

    def _end(self, context: Context, name: str) -> End:
        host = context.host(name)
        own = interface_mac(host.namespace, host.interface)
        return End(host.namespace, host.interface, host.ip, own, wire.gateway_mac(context, name))

    def live_command(self, context: Context) -> str:
        node = context.vnf_node(context.site_of(self.from_), KIND)
        return f"lso exec {context.lab.id} {node} -- /vnf/metrics"


def _flow_counts(result: StreamResult) -> tuple[FlowCount, ...]:
    expected, received = result.expected.flows, result.received.flows
    return tuple(FlowCount(key=key, sent=sent, received=received.get(key, Count())) for key, sent in expected.items())


def _loss_checks(stream: Stream) -> Iterator[Check]:
    """Yield the check of each flow that no more of it is missing than chance allows, where loss is declared."""
    left, entered = stream.carried()
    for key, count in left.items() if stream.loss_percent else ():
        allowed, lost = losses.most_lost(count.packets, stream.loss_percent), count.packets - entered[key].packets
        name = f"{key.protocol} from {key.source} to {key.destination}: packets that the underlay lost"
        yield check(name, 0 <= lost <= allowed, expected=f"≤ {allowed}", measured=lost)


def _counter_checks(vnf: VnfCounters, expected: Mapping[str, Count]) -> Iterator[Check]:
    """Yield the check of each counter that it rose by what it has to."""
    status = read_json(vnf.status)
    for name, measured in _risen(status["before"], status["after"], expected).items():
        yield equal(f"{vnf.name}: {name}", _text(measured), _text(expected[name]), element=vnf.element)


def _text(count: Count) -> str:
    return f"{count_text(count.packets, 'packet')}, {count.bytes} bytes"


def _flow_name(protocol: str, source: str, destination: str, *ports: int) -> str:
    """Return a flow's name; *ports* are given for UDP alone."""
    ends = [f"{end}:{port}" for end, port in zip((source, destination), ports, strict=True)] if ports else []
    return f"flow {protocol} {' → '.join(ends or (source, destination))}"


def _totals(status: Mapping[str, Any]) -> dict[str, Count]:
    """Return every counter of a status by a name of its own."""
    totals = {f"direction {name}": _count(entry) for name, entry in status.get("directions", {}).items()}
    for entry in status.get("protocols", []):
        totals[f"protocol {entry['protocol']} {entry['direction']}"] = _count(entry)
    for entry in status.get("flows", []):
        ports = (entry["source_port"], entry["destination_port"]) if entry["protocol"] == "udp" else ()
        name = _flow_name(entry["protocol"], entry["source"], entry["destination"], *ports)
        totals[name] = totals.get(name, Count()) + _count(entry)
    return totals


def _count(entry: Mapping[str, Any]) -> Count:
    return Count(int(entry["packets"]), int(entry["bytes"]))


def _risen(before: Mapping[str, Any], after: Mapping[str, Any], wanted: Iterable[str]) -> dict[str, Count]:
    """Return by how much each counter in *wanted* rose; one that is missing counts as zero."""
    earlier, later, nothing = _totals(before), _totals(after), Count()
    ends = {name: (earlier.get(name, nothing), later.get(name, nothing)) for name in wanted}
    return {name: Count(end.packets - start.packets, end.bytes - start.bytes) for name, (start, end) in ends.items()}
