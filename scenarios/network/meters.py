"""What the status of a statistics VNF counts, each counter under a name of its own, and what it must have counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from testbed.packets import Count, FlowCounters, FlowKey

LAN_TO_WAN, WAN_TO_LAN = "lan-to-wan", "wan-to-lan"
PORTLESS = "icmp"
Totals = dict[str, Count]


def totals(status: Mapping[str, Any]) -> Totals:
    """Return every counter of a *status*, but for those of ARP: hosts and gateways ask each other when they like."""
    found = {f"direction {name}": _count(entry) for name, entry in status.get("directions", {}).items()}
    for entry in status.get("protocols", []):
        found[f"protocol {entry['protocol']} {entry['direction']}"] = _count(entry)
    for entry in status.get("flows", []):
        ports = () if entry["protocol"] == PORTLESS else (entry["source_port"], entry["destination_port"])
        name = flow_name(entry["protocol"], entry["source"], entry["destination"], *ports)
        found[name] = found.get(name, Count()) + _count(entry)
    return found | {name: _count(status[name]) for name in ("untracked", "foreign") if name in status}


def expected(flows: Mapping[FlowKey, Count], directions: Mapping[str, str]) -> Totals:
    """Return what each counter must have risen by when *flows* passed; *directions* are the VNF's names for theirs."""
    found = {f"direction {own}": FlowCounters(flows).direction(name) for name, own in directions.items()}
    for key, count in flows.items():
        ports = () if key.protocol == PORTLESS else (key.source_port, key.destination_port)
        for name in (
            f"protocol {key.protocol} {directions[key.direction]}",
            flow_name(key.protocol, key.source, key.destination, *ports),
        ):
            found[name] = found.get(name, Count()) + count
    return found


def risen(before: Totals, after: Totals, wanted: Iterable[str]) -> Totals:
    """Return by how much each counter in *wanted* rose; one that is missing counts as zero."""
    nothing = Count()
    ends = {name: (before.get(name, nothing), after.get(name, nothing)) for name in wanted}
    return {name: Count(end.packets - start.packets, end.bytes - start.bytes) for name, (start, end) in ends.items()}


def unexplained(before: Totals, after: Totals, wanted: Iterable[str]) -> Totals:
    """Return by how much each counter beside those in *wanted* rose. What a flow table has forgotten is no rise."""
    others = risen(before, after, after.keys() - set(wanted))
    return {name: count for name, count in others.items() if count.packets > 0 or count.bytes > 0}


def overstated(status: Mapping[str, Any]) -> list[str]:
    """Return the lists that count more packets in a direction than passed: flows may be forgotten, none be invented."""
    found = []
    for way, total in status.get("directions", {}).items():
        for name in ("protocols", "flows"):
            listed = sum(int(entry["packets"]) for entry in status.get(name, []) if entry["direction"] == way)
            if listed > int(total["packets"]):
                found.append(f"{name} {way}: {listed} of {total['packets']}")
    return found


def flow_name(protocol: str, source: str, destination: str, *ports: int) -> str:
    """Return a flow's name; *ports* are given where the protocol has them."""
    ends = [f"{end}:{port}" for end, port in zip((source, destination), ports, strict=True)] if ports else []
    return f"flow {protocol} {' → '.join(ends or (source, destination))}"


def _count(entry: Mapping[str, Any]) -> Count:
    return Count(int(entry["packets"]), int(entry["bytes"]))
