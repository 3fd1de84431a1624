"""``chain.conserved`` sees whatever a chain lost, doubled or led astray at any moment, by whatever means."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from breaking import BRIDGE, OFCTL, access, assert_fails, assert_passes, await_path, nft, port, program, rules
from breaking import judge_one as judged_one
from scapy.layers.inet import IP, fragment
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from reports.model import StepResult
from scenarios.network import wire
from scenarios.network.conservation import settled_count
from scenarios.steps.context import Context
from testbed.packets import send
from testbed.traffic import ping, transfer

SITE = "site-a"
UDP_PORT, TCP_PORT = 9005, 80


@pytest.fixture
def judged(context: Context, tmp_path: Path) -> Callable[[], StepResult]:
    """Judge what happened since the test began."""
    counted = {site: settled_count(context, site) for site in context.service_sites()}
    return lambda: judged_one(
        replace(context, counted=counted, early={site: {} for site in counted}), tmp_path, "chain.conserved"
    )


def packets(context: Context, count: int = 20, protocol: str = "udp", destination_port: int = UDP_PORT) -> None:
    """Send *count* packets of as many flows from the host at the site to the other one."""
    probes = wire.make(context, "a1", "b1", protocol=protocol, destination_port=destination_port, count=count)
    host = context.host("a1")
    send(host.namespace, host.interface, [item.frame for item in probes.frames], 0.0005)


@contextmanager
def switched(context: Context, on: list[str], off: list[str]) -> Iterator[None]:
    """Run a command of Open vSwitch in the uCPE, and another one at the end of the block."""
    view = context.view(SITE)
    try:
        view.run(on)
        yield
    finally:
        view.run(off)


def first(context: Context) -> str:
    return port(context, SITE, "firewall", "lan")


# --- what is healthy ---


def test_nothing_passes(judged: Callable[[], StepResult]) -> None:
    assert_passes(judged())


def test_all_kinds_of_traffic_pass(context: Context, judged: Callable[[], StepResult]) -> None:
    packets(context)
    packets(context, protocol="tcp", destination_port=23)
    packets(context, destination_port=7777)
    ping(context.host("a1").namespace, context.host("b1").ip, count=3, size=4000)
    ping(context.host("b1").namespace, "10.2.0.1", count=2)
    result = judged()
    assert_passes(result)
    assert "packets since the order went through each VNF" in result.message


# --- rules ---


@pytest.mark.parametrize("kind", ["firewall", "statistics"])
def test_a_vnf_is_bypassed_for_one_port(context: Context, judged: Callable[[], StepResult], kind: str) -> None:
    near, far = {"firewall": ("lan0", "statistics"), "statistics": (port(context, SITE, "firewall", "wan"), "ipsec")}[
        kind
    ]
    with rules(
        context, SITE, f"priority=200,in_port={near},tcp,tp_dst=80,actions=output:{port(context, SITE, far, 'lan')}"
    ):
        packets(context, protocol="tcp", destination_port=TCP_PORT)
        assert_fails(judged(), "rules beside the chain's", "took no rule of the chain", f"packets to {far} lan")


def test_a_bypass_that_is_gone_again(context: Context, judged: Callable[[], StepResult]) -> None:
    with rules(
        context, SITE, f"priority=200,in_port=lan0,udp,actions=output:{port(context, SITE, 'statistics', 'lan')}"
    ):
        packets(context)
    assert_fails(judged(), "packets to statistics lan")


def test_a_copy_to_another_port(context: Context, judged: Callable[[], StepResult]) -> None:
    with rules(context, SITE, f"priority=200,in_port=lan0,udp,actions=output:{first(context)},output:wan0"):
        packets(context)
        assert_fails(judged(), "rules beside the chain's", "packets to wan0")


def test_the_chains_own_rule_copies_for_a_while(context: Context, judged: Callable[[], StepResult]) -> None:
    change = [*OFCTL, "--names", "mod-flows", BRIDGE, "--strict"]
    rule = f"priority=100,in_port=lan0,actions=output:{first(context)}"
    with switched(context, [*change, f"{rule},output:wan0"], [*change, rule]):
        packets(context)
    assert_fails(judged(), "packets to wan0")


def test_a_vnf_is_visited_twice(context: Context, judged: Callable[[], StepResult]) -> None:
    back = port(context, SITE, "firewall", "wan")
    with rules(context, SITE, f"priority=200,in_port={back},udp,nw_tos=0,actions=mod_nw_tos:4,output:{first(context)}"):
        packets(context)
        assert_fails(judged(), "rules beside the chain's", "packets to firewall lan")


def test_a_rule_that_drops(context: Context, judged: Callable[[], StepResult]) -> None:
    with rules(context, SITE, "priority=200,in_port=lan0,udp,actions=drop"):
        packets(context)
        assert_fails(judged(), "rules beside the chain's", "took no rule of the chain")


def test_a_rule_that_dropped_for_a_moment(context: Context, judged: Callable[[], StepResult]) -> None:
    """Open vSwitch may count for the chain's rule what came just before that was the only one: it left by no port."""
    with rules(context, SITE, "priority=200,in_port=lan0,udp,actions=drop"):
        packets(context)
    assert_fails(judged())


# --- what is no rule ---


def test_a_mirror(context: Context, judged: Callable[[], StepResult]) -> None:
    make = [
        *("ovs-vsctl", "--timeout=10", "--", "--id=@to", "get", "Port", "wan0"),
        *("--", "--id=@mirror", "create", "Mirror", "name=copies", "select_all=true", "output-port=@to"),
        *("--", "set", "Bridge", BRIDGE, "mirrors=@mirror"),
    ]
    with switched(context, make, ["ovs-vsctl", "--timeout=10", "clear", "Bridge", BRIDGE, "mirrors"]):
        assert_fails(judged(), "beside rules")
        packets(context)
    assert_fails(judged(), "packets to wan0")


@pytest.mark.parametrize("what", ["group", "meter", "netflow"])
def test_what_may_change_packets(context: Context, judged: Callable[[], StepResult], what: str) -> None:
    commands = {
        "group": ([*OFCTL, "add-group", BRIDGE, "group_id=1,type=all,bucket=output:1"], [*OFCTL, "del-groups", BRIDGE]),
        "meter": ([*OFCTL, "add-meter", BRIDGE, "meter=1,kbps,band=type=drop,rate=1"], [*OFCTL, "del-meters", BRIDGE]),
        "netflow": (
            f'ovs-vsctl -- --id=@n create NetFlow targets="192.0.2.1:2055" -- set Bridge {BRIDGE} netflow=@n'.split(),
            ["ovs-vsctl", "clear", "Bridge", BRIDGE, "netflow"],
        ),
    }
    with switched(context, *commands[what]):
        failed = assert_fails(judged(), "beside rules")
        assert what in failed[0].measured


# --- VNFs ---


def interface(context: Context, kind: str, role: str) -> str:
    """Return the name of the interface in a VNF that its port of *role* is."""
    name = "lan" if role == "lan" else "wan"
    listed = access(context, SITE, kind).run(["nft", "list", "chain", "netdev", TABLE[kind], name])
    return listed.partition('device "')[2].partition('"')[0]


TABLE = {"firewall": "ports", "statistics": "flowstat"}


@pytest.mark.parametrize("kind", TABLE)
def test_a_vnf_drops_one_of_a_thousand_without_a_word(
    context: Context, judged: Callable[[], StepResult], kind: str
) -> None:
    with nft(
        context, SITE, kind, f"insert rule netdev {TABLE[kind]} lan udp dport {UDP_PORT} numgen inc mod 1000 0 drop"
    ):
        packets(context, 1000)
        failed = assert_fails(judged(), f"{kind}: packets missing")
        assert 1 <= int(failed[0].measured) < 20, "what a busy machine has under way meanwhile may come to it"


@pytest.mark.parametrize("kind", TABLE)
def test_a_vnf_doubles_packets(context: Context, judged: Callable[[], StepResult], kind: str) -> None:
    wan = interface(context, kind, "wan")
    with nft(context, SITE, kind, f"insert rule netdev {TABLE[kind]} lan udp dport {UDP_PORT} dup to {wan}"):
        packets(context)
        assert_fails(judged(), f"{kind}: packets missing", f"{kind}: packets from lan to wan")


def test_a_firewall_drops_what_its_rule_allows_by_another_one(
    context: Context, judged: Callable[[], StepResult]
) -> None:
    with nft(context, SITE, "firewall", f"insert rule inet firewall forward udp dport {UDP_PORT} drop"):
        packets(context)
        assert_fails(judged(), "firewall: packets missing")


def test_packets_to_a_vnf_that_has_ended(context: Context, judged: Callable[[], StepResult]) -> None:
    view = context.view(SITE)
    vnf = view.vnf(context.service_id, "statistics")
    assert vnf
    view.run(["docker", "kill", vnf.container.id])
    packets(context, 400)
    await_path(context)
    assert_fails(judged(), "statistics: packets missing")


# --- statistics ---

TOTAL = "statistics: counted {} of what it was given"


@pytest.mark.parametrize(
    ("lie", "told"),
    [
        ('.directions["lan-to-wan"].packets += 1', TOTAL.format("lan-to-wan")),
        ('.flows |= map(if .direction == "wan-to-lan" then .source_port += 1 else . end)', "left tunnels with more"),
    ],
)
def test_a_status_lies_by_a_constant(context: Context, judged: Callable[[], StepResult], lie: str, told: str) -> None:
    sender = context.host("b1")
    probes = wire.make(context, "b1", "a1", protocol="udp", destination_port=UDP_PORT, count=5)
    send(sender.namespace, sender.interface, [item.frame for item in probes.frames], 0.0005)
    with program(context, SITE, "statistics", "status", f"#!/bin/sh\n/vnf/status.real | jq -c '{lie}'\n"):
        assert_fails(judged(), told)
    assert_passes(judged())


def test_a_meter_that_cannot_keep_up(context: Context, judged: Callable[[], StepResult], tmp_path: Path) -> None:
    load = {"from_": "a1", "to": "b1", "seconds": 1}
    slow = "insert rule ip flowstat count iifname meter1 limit rate over 2000/second drop"
    with nft(context, SITE, "statistics", slow):
        assert_passes(judged_one(context, tmp_path / "tcp", "traffic.tcp", **load, at_least_mbit=1))
        assert_fails(judged(), TOTAL.format("lan-to-wan"))


# --- one packet less and one more, and others: no counter tells ---

TWINS = """table netdev twins {{
  chain leaving {{
    type filter hook {hook} priority -10
    meta mark {mark} accept
    {which} numgen inc mod 2 vmap {{ 0 : drop, 1 : goto twin }}
  }}
  chain twin {{
    meta mark set {mark}
    dup to "{far}"
  }}
}}"""
"""Every second packet is dropped, and the others go on twice, with a mark by which the second one is known."""

IN_TUNNELS, OTHERWISE = "flows that left tunnels with more than went into them", "otherwise than"


@contextmanager
def twins(context: Context, site: str, kind: str, hook: str, far: str, which: str) -> Iterator[None]:
    """Double and drop at a *hook* of a VNF of *kind* what leaves by *far*."""
    vnf = access(context, site, kind)
    vnf.run(["nft", "-f", "-"], input=TWINS.format(hook=hook, far=far, which=which, mark=77))
    try:
        yield
    finally:
        vnf.run(["nft", "delete", "table", "netdev", "twins"])


@contextmanager
def gateway_twins(context: Context, which: str) -> Iterator[None]:
    """Do so in the far gateway: behind its interface ``gro1`` there is nothing but its port to the LAN."""
    rules = access(context, "site-b", "ipsec").run(["nft", "list", "ruleset"])
    lan = rules.partition('device "gro1"')[2].partition('fwd to "')[2].split('"')[0]
    with twins(context, "site-b", "ipsec", 'ingress device "gro1"', lan, which):
        yield


def test_a_gateway_drops_one_packet_and_doubles_another(context: Context, judged: Callable[[], StepResult]) -> None:
    with gateway_twins(context, f"udp dport {UDP_PORT}"):
        packets(context)
        await_path(context)  # behind them
    failed = assert_fails(judged(), f"site-b: {IN_TUNNELS}", f"site-b: flows that left tunnels {OTHERWISE}")
    assert len(failed) == 2, "by number nothing is missing"


def test_a_gateway_does_so_within_a_flow(context: Context, judged: Callable[[], StepResult]) -> None:
    with gateway_twins(context, "icmp type echo-request"):
        ping(context.host("a1").namespace, context.host("b1").ip, count=10, interval=0.01)
    (*_, failed) = assert_fails(judged(), f"site-b: flows that left tunnels {OTHERWISE}")
    assert "ICMP 10.1.0.10 → 10.2.0.10: 10 packets, and not those that went in" in failed.measured


@pytest.mark.parametrize("kind", TABLE)
def test_a_vnf_drops_one_packet_and_doubles_another_of_its_flow(
    context: Context, judged: Callable[[], StepResult], kind: str
) -> None:
    wan = interface(context, kind, "wan")  # behind all that counts
    with twins(context, SITE, kind, f'egress device "{wan}"', wan, "icmp type echo-request"):
        ping(context.host("a1").namespace, context.host("b1").ip, count=10, interval=0.01)
    name = f"site-a: {kind}: flows that came from {kind} wan {OTHERWISE} to {kind} lan"
    failed = assert_fails(judged(), name)
    assert len(failed) == 1, "by number nothing is missing"
    assert "ICMP 10.1.0.10 → 10.2.0.10: 10 packets, and not those that went in" in failed[0].measured


def test_a_vnf_changes_data_of_a_connection_late(context: Context, judged: Callable[[], StepResult]) -> None:
    late = "meta l4proto tcp meta length > 1000 quota over 1 mbytes @th,1024,8 set 88"
    near, far = context.host("a1"), context.host("b1")
    with nft(context, SITE, "firewall", f"insert rule inet firewall forward {late}"):
        transfer(near.namespace, far.namespace, (far.ip, 5201), there=bytes(16 << 20), back=b"", deadline=60)
    (failed,) = assert_fails(judged(), f"site-a: firewall: flows that came from firewall wan {OTHERWISE}")
    assert failed.measured.startswith("TCP 10.1.0.10:")


# --- nothing is wrong with what is busy or odd ---


def test_traffic_at_full_rate_passes(context: Context, judged: Callable[[], StepResult], tmp_path: Path) -> None:
    load = {"from_": "a1", "to": "b1", "seconds": 1}
    assert_passes(judged_one(context, tmp_path / "tcp", "traffic.tcp", **load, at_least_mbit=1))
    assert_passes(judged())


def test_what_a_verb_puts_on_a_vnfs_port(context: Context, judged: Callable[[], StepResult], tmp_path: Path) -> None:
    telnet = {"from_": "a1", "to": "b1", "protocol": "tcp", "destination_port": 23, "rule": "telnet"}
    assert_passes(judged_one(context, tmp_path / "blocks", "firewall.blocks", **telnet))
    assert_passes(judged())


def test_packets_that_are_no_ip(context: Context, judged: Callable[[], StepResult]) -> None:
    host = context.host("a1")
    frame = bytes.fromhex(wire.gateway_mac(context, "a1").replace(":", "")) + b"\x06" * 6 + b"\x88\xb5" + bytes(50)
    send(host.namespace, host.interface, [frame] * 5, 0)
    assert_passes(judged())


def test_malformed_headers(context: Context, judged: Callable[[], StepResult]) -> None:
    host = context.host("a1")
    probes = wire.make(context, "a1", "b1", protocol="udp", destination_port=UDP_PORT, count=5)
    frames = [item.frame[:24] + b"\xff\xff" + item.frame[26:] for item in probes.frames]
    send(host.namespace, host.interface, frames, 0)
    assert_passes(judged())


def test_lone_fragments(context: Context, judged: Callable[[], StepResult]) -> None:
    host = context.host("a1")
    probes = wire.make(context, "a1", "b1", protocol="udp", destination_port=UDP_PORT, count=5)
    frames = [bytes(fragment) for item in probes.frames for fragment in scapy_fragments(item.frame)]
    send(host.namespace, host.interface, frames, 0)
    assert_passes(judged())


def scapy_fragments(frame: bytes) -> list[Packet]:
    """Return the frame's packet in parts of 24 octets, without the last one."""
    whole = Ether(frame)
    return [Ether(src=whole.src, dst=whole.dst) / part for part in fragment(whole[IP], 24)][:-1]
