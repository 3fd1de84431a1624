"""``statistics.exact``: the statistics VNFs count neither more nor less than what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from reports.text import count_text
from scenarios import losses, wire
from scenarios.context import Context
from scenarios.proof import Proof
from scenarios.verb import Host, Verb
from testbed.packets import Count, CountedStream, End, Flow, FlowKey, StreamResult, Truth, interface_mac

KIND = "statistics"
FORTH, BACK = "forth", "back"
LAN_TO_WAN, WAN_TO_LAN = "lan-to-wan", "wan-to-lan"

Flows = dict[FlowKey, Count]


class StatisticsExact(Verb, name="statistics.exact"):
    """Prove that the counters of every statistics VNF on the way equal the ground truth of a counted stream.

    *Expected results*: at both sites the packets and layer-3 bytes of each direction, of each protocol and of each
    flow rose by exactly what the stream sent (UDP both ways, ICMP echo with its replies). Where the underlay declares
    loss, the counters of what comes from it rose by exactly what arrived, and no more is missing than chance allows.

    *Fails when* a counter misses or invents a packet or a byte, or the packets do not pass the VNF.

    *Example*: ``{verb: statistics.exact, with: {from: a1, to: b1, destination_port: 9004, packets: 500}}``
    """

    asks: ClassVar[str] = KIND
    from_: Host = Field(alias="from")
    to: Host
    destination_port: int = Field(ge=1, le=65535, description="a UDP port that the service's flows allow")
    packets: int = Field(
        default=200, ge=1, le=100_000, description="UDP packets forth; half as many back, a tenth echoes"
    )
    within_seconds: float = Field(default=3, gt=0, description="how long the last packet may take to be counted")

    def prove(self, context: Context, proof: Proof) -> str:
        stream = self._stream(context)
        sites = {context.site_of(self.from_): {FORTH: LAN_TO_WAN, BACK: WAN_TO_LAN}}
        sites[context.site_of(self.to)] = {FORTH: WAN_TO_LAN, BACK: LAN_TO_WAN}
        before = {site: context.vnf_statuses(site, KIND) or {KIND: {}} for site in sites}
        result = stream.run(deadline=self.within_seconds)
        left, entered = self._crossed(context, proof, result)
        for site, directions in sites.items():
            truth = Truth({key: (left if directions[key.direction] == LAN_TO_WAN else entered)[key] for key in left})
            for vnf, status in before[site].items():
                name = site if len(before[site]) == 1 else f"{site}/{vnf}"
                self._judge(context, proof, (site, vnf, name), status, _expected(truth, directions))
        total = Truth(entered).direction(FORTH) + Truth(entered).direction(BACK)
        return f"both sites counted exactly what they carried, {count_text(total.packets, 'packet')} from end to end"

    def _crossed(self, context: Context, proof: Proof, result: StreamResult) -> tuple[Flows, Flows]:
        """Return what left each site of every flow, and what entered the other: the same, but for declared loss."""
        sent = dict(result.truth.flows)
        if not losses.declared_percent(context, self.from_, self.to):
            return sent, sent
        came = {key: result.came.flows.get(key, Count()) for key in sent}
        sent = _answered(sent, came)
        for key, count in sent.items():
            allowed, lost = (
                losses.allowed(context, self.from_, self.to, count.packets),
                count.packets - came[key].packets,
            )
            name = f"{key.protocol} from {key.source} to {key.destination}: packets that the underlay lost"
            proof.check(name, 0 <= lost <= allowed, expected=f"≤ {allowed}", measured=lost)
        return sent, came

    def _stream(self, context: Context) -> CountedStream:
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

    def _judge(
        self, context: Context, proof: Proof, place: tuple[str, str, str], before: Any, expected: dict[str, Count]
    ) -> None:
        """Compare one VNF's counters; *place* is its site, its name there, and what its checks call it."""
        site, vnf, name = place

        def counted() -> dict[str, Any]:
            return context.vnf_statuses(site, KIND).get(vnf, {})

        proof.until(f"counters of {name}", self.within_seconds, lambda: _risen(before, counted(), expected) == expected)
        after = counted()
        evidence = f"{name.replace('/', '-')}.json"
        proof.add_json(evidence, f"the statistics VNF of {name} before and after", {"before": before, "after": after})
        for key, measured in _risen(before, after, expected).items():
            proof.equal(f"{name}: {key}", _text(measured), _text(expected[key]), element=f"vnf:{site}/{vnf}")

    def live_command(self, context: Context) -> str:
        node = context.vnf_node(context.site_of(self.from_), KIND)
        return f"lso exec {context.lab.id} {node} -- /vnf/metrics"


def _answered(sent: Flows, came: Flows) -> Flows:
    """Return what was really sent: only echo requests that came are answered."""
    (requests,) = [count for key, count in came.items() if (key.protocol, key.direction) == ("icmp", FORTH)]
    return {key: requests if (key.protocol, key.direction) == ("icmp", BACK) else sent[key] for key in sent}


def _text(count: Count) -> str:
    return f"{count_text(count.packets, 'packet')}, {count.bytes} bytes"


def _expected(truth: Truth, directions: Mapping[str, str]) -> dict[str, Count]:
    """Return what each counter must have risen by, under the name that :func:`_totals` gives it."""
    expected = {f"direction {directions[name]}": truth.direction(name) for name in (FORTH, BACK)}
    for key, count in truth.flows.items():
        direction = directions[key.direction]
        protocol = f"protocol {key.protocol} {direction}"
        expected[protocol] = expected.get(protocol, Count()) + count
        ends = f"{key.source}:{key.source_port} → {key.destination}:{key.destination_port}"
        flow = (
            f"flow {key.protocol} {ends}"
            if key.protocol == "udp"
            else f"flow {key.protocol} {key.source} → {key.destination}"
        )
        expected[flow] = expected.get(flow, Count()) + count
    return expected


def _totals(status: Mapping[str, Any]) -> dict[str, Count]:
    """Return every counter of a status by a name of its own."""
    totals = {f"direction {name}": _count(entry) for name, entry in status.get("directions", {}).items()}
    for entry in status.get("protocols", []):
        totals[f"protocol {entry['protocol']} {entry['direction']}"] = _count(entry)
    for entry in status.get("flows", []):
        name = f"flow {entry['protocol']} {entry['source']} → {entry['destination']}"
        if entry["protocol"] == "udp":
            ends = f"{entry['source']}:{entry['source_port']} → {entry['destination']}:{entry['destination_port']}"
            name = f"flow udp {ends}"
        totals[name] = totals.get(name, Count()) + _count(entry)
    return totals


def _count(entry: Mapping[str, Any]) -> Count:
    return Count(int(entry["packets"]), int(entry["bytes"]))


def _risen(before: Mapping[str, Any], after: Mapping[str, Any], wanted: Mapping[str, Count]) -> dict[str, Count]:
    """Return by how much each counter in *wanted* rose; one that is missing counts as zero."""
    earlier, later = _totals(before), _totals(after)
    nothing = Count()
    return {
        key: Count(
            later.get(key, nothing).packets - earlier.get(key, nothing).packets,
            later.get(key, nothing).bytes - earlier.get(key, nothing).bytes,
        )
        for key in wanted
    }
