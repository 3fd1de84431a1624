"""What is not untagged IP or ARP crosses no transparent VNF, in either direction, and what does cross is counted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.packet import Raw

from .frame_kinds import ARP4, BROADCAST, CARRIED, FOREIGN, LAN, WAN, Kind
from .products import products

WAYS = ("lan-to-wan", "wan-to-lan")
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "firewall": {"default": "deny", "rules": []},
    "statistics": {"flow_table_size": 1024, "flow_timeout_seconds": 300, "export": None},
}
EVERYTHING = {
    "default": "allow",
    "rules": [
        {"id": "all", "action": "allow", "direction": "both"},
        {"id": "six", "action": "allow", "direction": "both", "source": ["::/0"]},
    ],
}
Counters = dict[str, int]


@dataclass(frozen=True)
class Bridge:
    """A transparent VNF between two hosts that say nothing by themselves."""

    vnf: Any
    hosts: tuple[Any, Any]
    macs: tuple[str, str]
    intent: dict[str, Any]

    def configure(self, config: dict[str, Any]) -> None:
        """Apply, unless it is in force."""
        intent = {**self.intent, self.intent["kind"]: config}
        if not self.vnf.has_applied(intent):
            self.vnf.applied(intent)

    def crosses(self, kind: Kind, way: str) -> bool:
        """Send the frame and an ARP request after it, which passes; what the other side saw before that decides."""
        near, far = (0, 1) if way == "lan-to-wan" else (1, 0)
        canary, last = (f"{what}-{time.monotonic_ns()}".encode() for what in ("canary", "last"))
        with (
            closing(self.hosts[far].namespace.packet_socket("eth0")) as capture,
            closing(self.hosts[near].namespace.packet_socket("eth0")) as source,
        ):
            source.send(ether(self.macs[near], kind.to or self.macs[far]) + kind.build(canary))
            source.send(ether(self.macs[near], BROADCAST) + ARP4(last))
            capture.settimeout(5)
            seen = b""
            while last not in seen:
                seen += capture.recv(65535)
        return canary in seen

    def counters(self, way: str) -> Counters:
        """The packets of each counter of the status that is not one of a rule; of the direction, where it has one."""
        state = self.vnf.status()
        flat = {name: state[name]["packets"] for name in ("default", "established", "foreign") if name in state}
        return flat | {name: state[name][way]["packets"] for name in ("directions", "other") if name in state}


def ether(source: str, destination: str) -> bytes:
    return b"".join(bytes.fromhex(address.replace(":", "")) for address in (destination, source))


def grown(now: Counters, before: Counters) -> Counters:
    return {name: count - before[name] for name, count in now.items() if count != before[name]}


@pytest.fixture(scope="module")
def bridge(bench: Any, descriptor: Callable[[str], dict[str, Any]]) -> Callable[[str, str], Bridge]:
    def between(product: str, kind: str) -> Bridge:
        hosts = (bench.host(), bench.host())
        ports = [bench.port(role, host, "eth0") for role, host in zip(("lan", "wan"), hosts, strict=True)]
        intent = {
            "contract": "1",
            "kind": kind,
            "name": kind,
            "ports": [{"role": p.role, "mac": p.mac, "mtu": 1500, "addresses": []} for p in ports],
            kind: CONFIGURATIONS[kind],
        }
        vnf = bench.vnf(f"lso/vnf-{product}", descriptor(product), intent)
        for host, port in zip(hosts, ports, strict=True):
            host.run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6")
            vnf.plug(port)
        vnf.wait_ready(intent)
        macs = [json.loads(host.run("ip", "-j", "link", "show", "eth0").stdout)[0]["address"] for host in hosts]
        return Bridge(vnf, hosts, (macs[0], macs[1]), intent)

    return between


@pytest.fixture(scope="module", params=products("firewall"))
def firewall(bridge: Callable[[str, str], Bridge], request: pytest.FixtureRequest) -> Bridge:
    return bridge(request.param, "firewall")


@pytest.fixture(scope="module", params=products("statistics"))
def meter(bridge: Callable[[str, str], Bridge], request: pytest.FixtureRequest) -> Bridge:
    return bridge(request.param, "statistics")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("config", [CONFIGURATIONS["firewall"], EVERYTHING], ids=["deny", "everything"])
def test_no_foreign_frame_passes_a_firewall(firewall: Bridge, config: dict[str, Any], way: str) -> None:
    """Also under rules that let everything pass that rules can name."""
    firewall.configure(config)
    before = firewall.counters(way)
    assert [kind.name for kind in FOREIGN if firewall.crosses(kind, way)] == []
    assert grown(firewall.counters(way), before) == {"foreign": len(FOREIGN), "default": len(FOREIGN)}


@pytest.mark.parametrize("way", WAYS)
def test_no_foreign_frame_passes_a_meter(meter: Bridge, way: str) -> None:
    before = meter.counters(way)
    assert [kind.name for kind in FOREIGN if meter.crosses(kind, way)] == []
    assert grown(meter.counters(way), before) == {"foreign": len(FOREIGN), "other": len(FOREIGN)}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", CARRIED, ids=lambda kind: kind.name)
def test_under_default_deny_only_arp_crosses(firewall: Bridge, kind: Kind, way: str) -> None:
    firewall.configure(CONFIGURATIONS["firewall"])
    before = firewall.counters(way)
    assert firewall.crosses(kind, way) is (kind.name == "ARP")
    kept = kind.name == "ARP" or "fragment" in kind.name  # fragments wait to be judged as the packet that they make
    assert grown(firewall.counters(way), before) == ({} if kept else {"default": 1})


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", CARRIED, ids=lambda kind: kind.name)
def test_the_meter_counts_whatever_crosses(meter: Bridge, kind: Kind, way: str) -> None:
    before = meter.counters(way)
    assert meter.crosses(kind, way)
    expected = {"other": 2} if kind.name == "ARP" else {"directions": 1, "other": 1}
    assert grown(meter.counters(way), before) == expected


MALFORMED = {
    "checksum": IP(src=LAN, dst=WAN, chksum=1) / UDP(sport=1, dport=2),
    "version": IP(src=LAN, dst=WAN, version=5) / UDP(sport=1, dport=2),
    "header length": IP(src=LAN, dst=WAN, ihl=4) / UDP(sport=1, dport=2),
    "total length": IP(src=LAN, dst=WAN, len=1000) / UDP(sport=1, dport=2),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("packet", MALFORMED.values(), ids=list(MALFORMED))
def test_a_meter_drops_packets_that_it_could_not_count(meter: Bridge, packet: Any, way: str) -> None:
    kind = Kind("malformed", lambda canary: b"\x08\x00" + bytes(packet / Raw(canary)))
    before = meter.counters(way)
    assert not meter.crosses(kind, way)
    assert grown(meter.counters(way), before) == {"other": 1}
