"""``ping``, ``traffic.tcp`` and ``traffic.udp`` see a path that is cut, lossy, slow, or closed to large packets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from breaking import Judge, assert_fails, assert_passes, await_path, nft, port, rules, vsctl

from scenarios.steps.context import Context

ENDS = {"from_": "a1", "to": "b1"}
TCP = ENDS | {"seconds": 1, "at_least_mbit": 1}  # a busy machine has little more
UDP = ENDS | {"seconds": 1, "rate_mbit": 5, "loss_percent_at_most": 2}


@contextmanager
def cut(context: Context) -> Iterator[None]:
    """Take the link between site B and the underlay down."""
    underlay = context.lab.underlays["internet"]
    link = underlay.ports["site-b"]
    underlay.exec(["ip", "link", "set", link, "down"])
    try:
        yield
    finally:
        underlay.exec(["ip", "link", "set", link, "up"])


@pytest.mark.parametrize(
    ("verb", "parameters", "check"),
    [
        ("ping", ENDS | {"count": 2}, "a1 to b1: lost"),
        ("traffic.tcp", TCP, "traffic flows"),
        ("traffic.udp", UDP, "traffic flows"),
    ],
)
def test_the_path_is_cut(context: Context, judged: Judge, verb: str, parameters: dict[str, object], check: str) -> None:
    with cut(context):
        assert_fails(judged(verb, **parameters), check)
    await_path(context)
    assert_passes(judged(verb, **parameters))


def test_a_host_without_a_route(context: Context, judged: Judge) -> None:
    host = context.lab.hosts["a1"]
    gateway = str(context.scenario.topology.sites["site-a"].gateway)
    host.exec(["ip", "route", "del", "default"])
    try:
        failed = assert_fails(judged("ping", **ENDS, count=2), "a1 to b1: lost")
        assert failed[0].measured == "100 %"
    finally:
        host.exec(["ip", "route", "add", "default", "via", gateway])
    assert_passes(judged("ping", **ENDS, count=2))


def test_a_wrong_mtu_breaks_tcp_while_ping_passes(context: Context, judged: Judge) -> None:
    if context.engines["datapath"] != "netdev":
        pytest.skip("only the userspace datapath builds segments by the port's MTU")
    name = port(context, "site-a", "ipsec", "lan")
    vsctl(context, "site-a", ["set", "Interface", name, "mtu_request=1500"])
    try:
        assert_passes(judged("ping", **ENDS))
        assert_fails(judged("traffic.tcp", **TCP), "throughput at the receiver")
    finally:
        vsctl(context, "site-a", ["set", "Interface", name, "mtu_request=1400"])
    assert_passes(judged("traffic.tcp", **TCP))


def test_large_packets_vanish_while_ping_passes(context: Context, judged: Judge) -> None:
    with nft(context, "site-a", "ipsec", "insert rule inet gateway forward meta length > 1000 drop"):
        assert_passes(judged("ping", **ENDS))
        assert_fails(judged("ping", **ENDS, size=1200, count=2), "a1 to b1: lost")
        assert_fails(judged("traffic.tcp", **TCP))
        failed = assert_fails(judged("traffic.udp", **UDP), "datagrams that arrived")
        assert failed[0].measured.startswith("0 of ")
    assert_passes(judged("traffic.tcp", **TCP))


def test_a_tenth_of_the_datagrams_is_dropped(context: Context, judged: Judge) -> None:
    drop = "insert rule inet gateway forward udp dport 5201 numgen inc mod 10 0 drop"
    with nft(context, "site-a", "ipsec", drop):
        failed = assert_fails(judged("traffic.udp", **UDP), "lost datagrams")
        assert 5 < float(failed[0].measured.removesuffix(" %")) < 15
    assert_passes(judged("traffic.udp", **UDP))


def test_a_policer_holds_tcp_below_its_bound(context: Context, judged: Judge) -> None:
    police = "insert rule inet gateway forward tcp dport 5201 limit rate over 200 kbytes/second drop"
    with nft(context, "site-a", "ipsec", police):
        assert_fails(judged("traffic.tcp", **(TCP | {"at_least_mbit": 10})), "throughput at the receiver")
    assert_passes(judged("traffic.tcp", **TCP))


def test_echo_requests_are_dropped_one_way(context: Context, judged: Judge) -> None:
    with rules(context, "site-b", "priority=200,in_port=lan0,icmp,actions=drop"):
        assert_fails(judged("ping", **ENDS, count=2), "a1 to b1: lost")
    await_path(context)
    assert_passes(judged("ping", **ENDS, count=2))


def test_a_middle_changes_data_and_mends_their_checksum(context: Context, judged: Judge) -> None:
    # iperf3's own messages are shorter than merged segments: it notices when they are changed.
    change = "insert rule inet firewall forward tcp dport {} meta length > {} @th,1024,8 set 0x58"
    with nft(context, "site-a", "firewall", change.format("5201", 9000), change.format("!= 5201", 1000)):
        failed = assert_fails(judged("traffic.tcp", **TCP), "data from a1 to b1")
        assert all(check.name.startswith("data from") for check in failed), "iperf3 does not look at its data"
    assert_passes(judged("traffic.tcp", **TCP))
