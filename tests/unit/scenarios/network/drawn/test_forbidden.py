"""What the service lets nowhere pass: of every kind, the same for the same seed, and never what a flow may allow."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from random import Random
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import GRE, Dot1AD, Dot1Q, Ether
from scapy.layers.sctp import SCTP, SCTPChunkInit

from scenarios.file.format import Application, Scenario
from scenarios.network.crafted import Way
from scenarios.network.drawn.forbidden import Forbidden, draw
from scenarios.network.flows import may_pass
from testbed.packets import Kind

from ..test_flows import POC, with_flow

WAY = Way("10.1.0.10", "10.2.0.10", "02:00:00:00:00:01", "02:00:00:00:00:02")
SEEDS = range(40)


def drawn(scenario: Scenario = POC, seeds: Iterable[int] = SEEDS) -> list[Forbidden]:
    seeded = (Random(seed) for seed in seeds)  # noqa: S311  (what is wanted is that it can be made again)
    return [item for rng in seeded for item in draw(rng, scenario, WAY)]


@cache
def untagged(kind: Any) -> list[Any]:
    frames = (Ether(item.frame) for item in drawn())
    return [frame[kind] for frame in frames if kind in frame and frame.type not in (0x8100, 0x88A8)]


def test_a_seed_makes_the_same_frames() -> None:
    assert drawn(seeds=range(3)) == drawn(seeds=range(3))
    assert len({item.token for item in drawn()}) == len(drawn())


def test_each_draw_has_every_kind() -> None:
    for seed in SEEDS:
        frames = [Ether(item.frame) for item in drawn(seeds=[seed])]
        assert {frame[IP].proto for frame in frames if frame.type == 0x0800} > {6, 17, 47, 50, 51, 132}
        assert {frame[IPv6].nh for frame in frames if frame.type == 0x86DD} == {6, 17, 58}
        assert sum(frame.type not in (0x0800, 0x86DD) for frame in frames) == 3


def test_ports_lie_beside_those_that_are_open_and_all_over_the_rest() -> None:
    places: dict[Kind, set[int]] = {
        "tcp": {packet.dport for packet in untagged(TCP) if packet.underlayer.name == "IP"},
        "udp": {packet.dport for packet in untagged(UDP) if packet.underlayer.name == "IP"},
    }
    assert places["tcp"] > {79, 81, 5200, 5300}
    assert places["udp"] > {5200, 5300, 8999, 9100}
    for kind, ports in places.items():
        assert len({port // 8192 for port in ports}) == 8
        assert not any(may_pass(POC, kind, port) for port in ports)


def test_no_packet_is_an_answer_of_an_open_port() -> None:
    layers: dict[Kind, Any] = {"tcp": TCP, "udp": UDP}
    for kind, layer in layers.items():
        sources = [packet.sport for packet in untagged(layer) if packet.underlayer.name == "IP"]
        assert not any(may_pass(POC, kind, port) for port in sources)


def test_ends_are_the_hosts_others_of_their_lans_and_anybody() -> None:
    sources, targets = ({getattr(packet, end) for packet in untagged(IP)} for end in ("src", "dst"))
    for own, lan, ends in (("10.1.0.10", "10.1.0.", sources), ("10.2.0.10", "10.2.0.", targets)):
        assert own in ends
        assert sum(end.startswith(lan) for end in ends) > 10
        assert sum(not end.startswith("10.") for end in ends) > 10


@pytest.mark.parametrize("layer", [IP, IPv6, TCP, UDP, SCTP, ICMPv6EchoRequest])
def test_lengths_and_checksums_are_right(layer: Any) -> None:
    for item in drawn(seeds=range(5)):
        frame = Ether(item.frame)
        if layer not in frame or frame.type == 0x8864:
            continue
        again = Ether(item.frame)
        for name in ("chksum", "cksum", "len", "plen"):
            if name in again[layer].fields:
                delattr(again[layer], name)
        assert bytes(again) == item.frame, item.what


def test_sctp_opens_an_association_and_gre_says_what_it_carries() -> None:
    assert {packet.tag for packet in untagged(SCTP)} == {0}
    assert all(SCTPChunkInit in packet for packet in untagged(SCTP))
    assert {packet.proto for packet in untagged(GRE)} == {0x0800}


@pytest.mark.parametrize("tag", [Dot1Q, Dot1AD])
def test_behind_a_tag_there_is_what_may_pass_without_it(tag: Any) -> None:
    inside = [Ether(item.frame)[tag] for item in drawn() if tag in Ether(item.frame)]
    assert all(0 < frame.vlan < 4095 for frame in inside)
    assert {(frame.payload.payload.name, frame.payload.payload.dport) for frame in inside} == {
        ("TCP", 80), ("TCP", 5201), ("UDP", 5201), ("UDP", 9000),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("criteria", "gone"),
    [
        ({"PROTV4": 47}, {47}),
        ({"PROTV4": ["esp", "AH"]}, {50, 51}),
        ({"PROTV4": "sctp"}, {132}),
        ({"PROTV4": [6, 17]}, {6, 17}),
        ({"PROTV4": "what nobody knows"}, {6, 17, 47, 50, 51, 132}),
        ({"SAV4": "10.1.0.0/24"}, {6, 17, 47, 50, 51, 132}),
    ],
)
def test_what_a_flow_may_allow_is_left_out(criteria: dict[str, Any], gone: set[int]) -> None:
    scenario = with_flow("business", **criteria)
    frames = [Ether(item.frame) for item in drawn(scenario, range(5))]
    left = {frame[IP].proto for frame in frames if frame.type == 0x0800}
    assert left & {6, 17, 47, 50, 51, 132} == {6, 17, 47, 50, 51, 132} - gone
    assert any(frame.type == 0x86DD for frame in frames)


def test_a_kernel_without_ipv6_is_sent_none() -> None:
    rng = Random(1)  # noqa: S311  (what is wanted is that it can be made again)
    assert 0x86DD not in {Ether(item.frame).type for item in draw(rng, POC, WAY, ipv6=False)}


def test_icmp_is_forbidden_where_no_flow_has_it() -> None:
    service = POC.service
    flows: list[Application] = [flow for flow in service.applications if flow.id != "icmp"]
    silent = POC.model_copy(update={"service": service.model_copy(update={"applications": flows})})
    frames = [Ether(item.frame) for item in drawn(silent, range(1))]
    assert {frame[IP].payload.type for frame in frames if frame.type == 0x0800 and frame[IP].proto == 1} == {8, 13, 17}
