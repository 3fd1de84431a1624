"""What the status of a statistics VNF counts, each counter under a name of its own, and what it must have counted."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from reports.model import Check
from scenarios.steps.checks import check, equal
from scenarios.steps.evidence import Evidence
from testbed.packets import Count, FlowCounters, FlowKey
from testbed.ucpe_view import PortCount

LAN_TO_WAN, WAN_TO_LAN = "lan-to-wan", "wan-to-lan"
WAYS = LAN_TO_WAN, WAN_TO_LAN
PORTLESS = "icmp"
WITH_PORTS = "tcp", "udp"
ETHERNET = 14  # octets of the header
MIN_HEADERS, MAX_HEADERS = 28, 100
"""Octets of headers of a segment: UDP on IPv4, and TCP with 40 octets of options on IPv6."""
FRAGMENT_HEADER = 20
LARGEST_FRAME = 65535 + ETHERNET
"""Octets of what offload forms."""

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? +(\S+)", re.MULTILINE)
_LABEL = re.compile(r'\b(\w+)="([^"]*)"')


class CounterName(NamedTuple):
    """A counter of a status: its *kind* (`direction`, `protocol`, `flow`, or one that there is once), and of what."""

    kind: str
    of: str = ""

    def __str__(self) -> str:
        """Return its name for people."""
        return f"{self.kind} {self.of}" if self.of else self.kind


DIRECTION, PROTOCOL, FLOW = "direction", "protocol", "flow"
Totals = dict[CounterName, Count]
Flow = tuple[str, str, str, int, int]
"""Protocol, source, destination, source and destination port; both are 0 of what has none, and of later fragments."""


def totals(status: Mapping[str, Any]) -> Totals:
    """Return every counter of a *status*, but for those of ARP: hosts and gateways ask each other when they like."""
    found = {CounterName(DIRECTION, name): _count(entry) for name, entry in status.get("directions", {}).items()}
    for entry in status.get("protocols", []):
        found[CounterName(PROTOCOL, f"{entry['protocol']} {entry['direction']}")] = _count(entry)
    for entry in status.get("flows", []):
        ports = () if entry["protocol"] == PORTLESS else (entry["source_port"], entry["destination_port"])
        name = flow_counter(entry["protocol"], entry["source"], entry["destination"], *ports)
        found[name] = found.get(name, Count()) + _count(entry)
    return found | {CounterName(name): _count(status[name]) for name in ("untracked", "foreign") if name in status}


def expected(flows: Mapping[FlowKey, Count], directions: Mapping[str, str]) -> Totals:
    """Return what each counter must have risen by when *flows* passed; *directions* are the VNF's names for theirs."""
    found = {CounterName(DIRECTION, own): FlowCounters(flows).direction(name) for name, own in directions.items()}
    for key, count in flows.items():
        ports = () if key.protocol == PORTLESS else (key.source_port, key.destination_port)
        for name in (
            CounterName(PROTOCOL, f"{key.protocol} {directions[key.direction]}"),
            flow_counter(key.protocol, key.source, key.destination, *ports),
        ):
            found[name] = found.get(name, Count()) + count
    return found


def risen(before: Totals, after: Totals, wanted: Iterable[CounterName]) -> Totals:
    """Return by how much each counter in *wanted* rose; one that is missing counts as zero."""
    nothing = Count()
    return {name: after.get(name, nothing) - before.get(name, nothing) for name in wanted}


def unexplained(before: Totals, after: Totals, wanted: Iterable[CounterName]) -> Totals:
    """Return by how much each counter beside those in *wanted* rose. What a flow table has forgotten is no rise."""
    others = risen(before, after, after.keys() - set(wanted))
    return {name: count for name, count in others.items() if count.packets > 0 or count.bytes > 0}


def overstated(status: Mapping[str, Any]) -> list[str]:
    """Return the lists that count more packets in a direction than passed: flows may be forgotten, none be invented."""
    found = []
    for way, total in status.get("directions", {}).items():
        for name in ("protocols", "flows"):
            listed = sum(_number(entry["packets"]) for entry in status.get(name, []) if entry["direction"] == way)
            if listed > _number(total["packets"]):
                found.append(f"{name} {way}: {listed} of {total['packets']}")
    return found


class MeterCount(Evidence):
    """What the ports of a statistics VNF were *given* in each direction since it had the status *before*, or none.

    Of that the VNF's *kernel* took some packets before they were counted: they were malformed. It *remembers* all
    flows, or may have forgotten some that were idle.
    """

    before: dict[str, Any]
    given: dict[str, PortCount]
    kernel: int
    remembers: bool = False


def port_checks(name: str, now: Mapping[str, Any], until: MeterCount, element: str) -> Iterator[Check]:
    """Yield the checks that a VNF with the status *now* has counted all that its ports were given, and no more.

    What offload formed is one packet at the port. The VNF counts its segments, and each of them has headers of its own:
    so many octets more tell how many. What a VNF says itself that it has lost count of may be missing, one packet of
    the port for each, and no more may be counted for that.
    """
    before = until.before
    lost = max(0, until.kernel) + _number(now.get("lost", 0)) - _number(before.get("lost", 0))
    foreign = _risen_entry(before, now, "foreign")
    ways = [WAYS] if foreign.packets else [(way,) for way in WAYS]  # foreign frames are counted without their direction
    for some in ways if "other" in now else ():
        counted = sum((_passed(before, now, way) for way in some), foreign)
        packets = sum(until.given[way].left - until.given[way].lost_leaving for way in some)
        octets = sum(until.given[way].left_bytes for way in some) - ETHERNET * packets
        segments, headers = counted.packets - packets, counted.bytes - octets
        gone = sum(until.given[way].lost_leaving for way in some)
        missing = min(lost, packets)
        made = segments + missing  # by offload, where as many are missing as may be
        least = MIN_HEADERS * made - LARGEST_FRAME * (missing + gone)
        holds = made >= 0 and least <= headers <= MAX_HEADERS * made
        way = " and ".join(some)
        told, at_port = (
            f"{counted.packets:,} packets, {counted.bytes:,} bytes",
            f"{packets:,} packets, {octets:,} bytes",
        )
        yield check(
            f"{name}: counted {way} of what it was given", holds, expected=at_port, measured=told, element=element,
            message=f"{name} was given {at_port} {way}, and counted {told}: no segments of these are as many",
        )  # fmt: skip
    for way in WAYS:
        total = _risen_entry(before.get("directions", {}), now.get("directions", {}), way)
        parts = _of_protocols(now, way).packets - _of_protocols(before, way).packets
        yield equal(f"{name}: packets {way} of all protocols", parts, total.packets, element=element)
    if until.remembers:
        listed, passed = _in_flows(now) - _in_flows(before), _in_all(now) - _in_all(before)
        yield equal(f"{name}: packets of all flows", listed, passed, element=element)


def flows_error(before: Mapping[str, Any], now: Mapping[str, Any]) -> Count:
    """Return by how much more the flows lack *now*, as a status states, of what the totals have."""
    return _risen_entry(before, now, "flows_error")


def excused(expected: Totals, measured: Totals, stated: Count) -> set[CounterName]:
    """Return the flows in *measured* that may be less than *expected*: all lack no more together than is *stated*."""
    few = {name for name, count in expected.items() if name.kind == FLOW and measured[name] != count}
    lacking = sum((expected[name] - measured[name] for name in few), Count())
    fewer = all(_lacks(expected[name] - measured[name]) for name in few)
    return few if fewer and lacking.packets <= stated.packets and lacking.bytes <= stated.bytes else set()


def _lacks(less: Count) -> bool:
    return less.packets > 0 and less.bytes > 0


def at_rest(status: Mapping[str, Any]) -> tuple[Totals, Any, Any]:
    """Return all of a *status* that rises when anything passes; flows do too, and end by themselves in between."""
    counted = {name: count for name, count in totals(status).items() if name.kind != FLOW}
    return counted, status.get("other"), status.get("foreign")


def samples(text: str) -> dict[str, float]:
    """Return the samples in a text of Prometheus, each by its name with its labels in the order of their names.

    What is no number, or is told twice, is not a number.
    """
    found: dict[str, float] = {}
    for name, labels, value in _SAMPLE.findall(text):
        sample = _sample(name, **dict(_LABEL.findall(labels)))
        found[sample] = _value(value) if sample not in found else math.nan
    return found


def _value(text: str) -> float:
    """Return the number in *text*; whole ones have all their digits."""
    with suppress(ValueError):
        return int(text)
    with suppress(ValueError):
        return int(number) if (number := float(text)).is_integer() else number
    return math.nan


def as_samples(status: Mapping[str, Any]) -> dict[str, int]:
    """Return the samples that a *status* makes."""
    found = {
        "lso_vnf_flows": len(status.get("flows", [])),
        "lso_vnf_lost_packets_total": status.get("lost", 0),
    }
    for unit in ("packets", "bytes"):
        for way, total in status.get("directions", {}).items():
            found[_sample(f"lso_vnf_{unit}_total", direction=way)] = total[unit]
        for entry in status.get("protocols", []):
            labels = {"direction": entry["direction"], "protocol": entry["protocol"]}
            found[_sample(f"lso_vnf_protocol_{unit}_total", **labels)] = entry[unit]
    for way, total in status.get("other", {}).items():
        found[_sample("lso_vnf_other_frames_total", direction=way)] = total["packets"]
    if "foreign" in status:
        found["lso_vnf_foreign_frames_total"] = status["foreign"]["packets"]
    if "flows_error" in status:
        found["lso_vnf_flows_error_packets"] = status["flows_error"]["packets"]
    return found


def differing(text: str, status: Mapping[str, Any]) -> list[str]:
    """Return the samples in a *text* of Prometheus that are not those of a *status*, of the metrics that this makes.

    A product's own metrics are its own affair.
    """
    told, wanted = samples(text), as_samples(status)
    metrics = {name.partition("{")[0] for name in wanted}
    return [
        f"{name} {told.get(name, 'is missing')}, by the status {wanted.get(name, 'none')}"
        for name in sorted(told | wanted)
        if name.partition("{")[0] in metrics and told.get(name) != wanted.get(name)
    ]


def _sample(name: str, **labels: str) -> str:
    told = ",".join(f'{key}="{labels[key]}"' for key in sorted(labels))
    return f"{name}{{{told}}}" if labels else name


def flows(status: Mapping[str, Any], way: str) -> dict[Flow, Count]:
    """Return the flows of a direction in a *status*."""
    return {
        (
            entry["protocol"], entry["source"], entry["destination"], entry["source_port"], entry["destination_port"],
        ): _count(entry)
        for entry in status.get("flows", [])
        if entry["direction"] == way
    }  # fmt: skip


def forgot(status: Mapping[str, Any]) -> bool:
    """Tell whether a *status* has not all flows that it counted: some were idle too long, missed, or found no room."""
    beside = [status.get(name, {}).get("packets", 0) for name in ("untracked", "flows_error")]
    return any(beside) or _in_flows(status) != _in_all(status)


def multiplied(sent: Mapping[Flow, Count], came: Mapping[Flow, Count]) -> list[str]:
    """Return the flows of which more *came* than were *sent*: by packets, by bytes, or in all between two ends.

    A packet may have been cut on its way: a fragment has an IP header of its own, a segment of TCP all headers. Of
    protocols beside TCP and UDP one VNF may know the ports and the other not.
    """
    nothing = Count()
    parts = {flow[:3] for flow in came if flow[3:] == (0, 0)}
    portless = {flow[:3] for flow in sent if flow[3:] == (0, 0) and flow[0] not in WITH_PORTS}
    parts |= portless & {flow[:3] for flow in came}
    found = []
    for flow, count in came.items():
        if flow[:3] not in parts and not _may_be_cut(sent.get(flow, nothing), count, flow[0], whole=True):
            found.append(f"{flow_counter(*flow[:3], *flow[3:])}: {_more(sent.get(flow, nothing), count)}")
    before_all, after_all = _between_ends(sent), _between_ends(came)
    for ends in sorted(parts):
        before, after = before_all.get(ends, nothing), after_all[ends]
        if not _may_be_cut(before, after, ends[0], whole=False):
            found.append(f"{flow_counter(*ends)}: {_more(before, after)}")
    return found


def _between_ends(flows: Mapping[Flow, Count]) -> dict[tuple[str, str, str], Count]:
    """Return how much of each protocol went from each source to each destination."""
    found: dict[tuple[str, str, str], Count] = {}
    for flow, count in flows.items():
        found[flow[:3]] = found.get(flow[:3], Count()) + count
    return found


def _may_be_cut(sent: Count, came: Count, protocol: str, *, whole: bool) -> bool:
    """Tell whether what was *sent* can have become what *came*, or more; datagrams that are *whole* were not cut."""
    more = max(0, came.packets - sent.packets)
    headers = MAX_HEADERS if protocol == "tcp" else FRAGMENT_HEADER
    return came.bytes <= sent.bytes + headers * more and not (whole and protocol != "tcp" and more)


def _more(sent: Count, came: Count) -> str:
    return f"{came.packets:,} packets, {came.bytes:,} bytes of {sent.packets:,}, {sent.bytes:,}"


def _risen_entry(before: Mapping[str, Any], now: Mapping[str, Any], name: str) -> Count:
    start, end = (_count(status[name]) if name in status else Count() for status in (before, now))
    return end - start


def _in_flows(status: Mapping[str, Any]) -> int:
    """Return how many packets a *status* has in flows, and as it says in none: for lack of room, or missed."""
    found = sum(_number(entry["packets"]) for entry in status.get("flows", []))
    return found + sum(_number(status.get(name, {}).get("packets", 0)) for name in ("untracked", "flows_error"))


def _in_all(status: Mapping[str, Any]) -> int:
    return sum(_number(entry["packets"]) for entry in status.get("directions", {}).values())


def _passed(before: Mapping[str, Any], now: Mapping[str, Any], way: str) -> Count:
    """Return the packets and frames of ARP that were counted in a direction."""
    parts = [_risen_entry(before.get(part, {}), now.get(part, {}), way) for part in ("directions", "other")]
    return parts[0] + parts[1]


def _of_protocols(status: Mapping[str, Any], way: str) -> Count:
    return sum((_count(entry) for entry in status.get("protocols", []) if entry["direction"] == way), Count())


def flow_counter(protocol: str, source: str, destination: str, *ports: int) -> CounterName:
    """Return the name of a flow's counter; *ports* are given where the protocol has them."""
    ends = [f"{end}:{port}" for end, port in zip((source, destination), ports, strict=True)] if ports else []
    return CounterName(FLOW, f"{protocol} {' → '.join(ends or (source, destination))}")


def _count(entry: Mapping[str, Any]) -> Count:
    return Count(_number(entry["packets"]), _number(entry["bytes"]))


def _number(value: Any) -> int:
    """Return *value* as a VNF told it. Raises ValueError for what counts nothing: of others the sum may be right."""
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is no number of packets or bytes")
    return value
