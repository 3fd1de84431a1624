"""What may cross an underlay and what not, frame by frame; and where nothing is watched."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6MLReport2,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    IPv6,
    IPv6ExtHdrHopByHop,
    RouterAlert,
)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

from reports.model import Verdict
from scenarios.load import load
from scenarios.network.underlay_audit import UnderlayAudit, traffic
from scenarios.network.wire import AuditedLink
from scenarios.steps.checks import Judgement
from scenarios.verbs.underlay_explained import ExplainedEvidence, UnderlayExplained
from testbed.capture import CaptureError
from testbed.esp import EspCount
from testbed.lab import Lab

A, B, HOST = "198.51.100.1", "198.51.100.2", "10.1.0.10"
POC = Path(__file__).parents[4] / "scenarios" / "poc-two-sites"
CASES = POC.parents[1] / "tests" / "unit" / "scenarios" / "evidence" / "underlay.explained"
BETWEEN = IP(src=A, dst=B)


def ike(exchange: int, first_payload: int, *, version: int = 0x20, body: bytes = bytes(40), longer: int = 0) -> bytes:
    """A message of IKE (RFC 7296, section 3.1)."""
    head = bytes(range(16)) + bytes([first_payload, version, exchange, 0x08]) + bytes(4)
    return head + (28 + len(body) + longer).to_bytes(4, "big") + body


def udp(port: int, body: bytes, ends: Packet = BETWEEN) -> Packet:
    return ends / UDP(sport=port, dport=port) / Raw(body)


LINK = IPv6(src="fe80::1", dst="ff02::1", hlim=255)


@pytest.mark.parametrize(
    ("packet", "explained", "messages"),
    [
        pytest.param(ARP(), True, 0, id="arp"),
        pytest.param(ARP() / Raw(bytes(18)), True, 0, id="padded-arp"),
        pytest.param(ARP() / Raw(b"a text"), False, 0, id="arp-with-a-text"),
        pytest.param(ARP() / Raw(bytes(40)), False, 0, id="arp-with-too-much"),
        pytest.param(BETWEEN / Raw(b"\1" * 40), False, 0, id="no-protocol"),
        pytest.param(IP(src=A, dst=B, proto=50) / Raw(b"\1" * 40), True, 0, id="esp"),
        pytest.param(IP(src=A, dst=HOST, proto=50) / Raw(b"\1" * 40), False, 0, id="esp-to-a-host"),
        pytest.param(udp(4500, b"\1" * 40), True, 0, id="esp-in-udp"),
        pytest.param(udp(4500, b"\1\2\3"), False, 0, id="too-short-for-esp"),
        pytest.param(udp(4500, b"\xff"), True, 0, id="keepalive"),
        pytest.param(udp(500, ike(34, 33)), True, 1, id="ike-init"),
        pytest.param(udp(4500, bytes(4) + ike(35, 46)), True, 1, id="ike-auth"),
        pytest.param(udp(4500, bytes(4) + ike(35, 53)), True, 1, id="ike-fragment"),
        pytest.param(udp(500, ike(35, 41)), False, 0, id="ike-auth-in-the-clear"),
        pytest.param(udp(500, ike(34, 33, version=0x10)), False, 0, id="ike-version-1"),
        pytest.param(udp(500, ike(34, 33, longer=1)), False, 0, id="ike-of-another-length"),
        pytest.param(udp(500, b"a text"), False, 0, id="text-to-the-port-of-ike"),
        pytest.param(udp(500, ike(34, 33), IP(src=HOST, dst=B)), False, 0, id="ike-of-a-host"),
        pytest.param(BETWEEN / ICMP(), False, 0, id="icmp"),
        pytest.param(Dot1Q(vlan=7) / ARP(), False, 0, id="tagged-arp"),
        pytest.param(LINK / ICMPv6ND_NS(), True, 0, id="neighbour-solicitation"),
        pytest.param(IPv6(src="::", dst="ff02::1") / ICMPv6ND_NS(), True, 0, id="duplicate-address-detection"),
        pytest.param(LINK / ICMPv6ND_NA(), True, 0, id="neighbour-advertisement"),
        pytest.param(
            LINK / IPv6ExtHdrHopByHop(options=RouterAlert()) / ICMPv6MLReport2(), True, 0, id="multicast-listener"
        ),
        pytest.param(IPv6(src="fd00::1", dst="ff02::1") / ICMPv6ND_NS(), False, 0, id="solicitation-from-afar"),
        pytest.param(IPv6(src="::7", dst="ff02::1") / ICMPv6ND_NS(), False, 0, id="nearly-unspecified"),
        pytest.param(LINK / ICMPv6EchoRequest(), False, 0, id="ipv6-echo"),
    ],
)
def test_each_frame_is_explained_or_not(packet: Packet, explained: bool, messages: int) -> None:
    seen = traffic([bytes(Ether(src="06:00:00:00:00:01", dst="06:00:00:00:00:02") / packet)], (A, B))
    assert (seen.unexplained == 0, seen.ike) == (explained, messages)
    assert bool(seen.first) != explained


def test_the_first_in_time_is_told() -> None:
    frames = [Ether() / LINK / ICMPv6ND_NS(), Ether() / BETWEEN / ICMP(), Ether() / LINK / ICMPv6EchoRequest()]
    seen = traffic(map(bytes, frames), (A, B))
    assert (seen.unexplained, seen.first) == (2, f"IPv4 {A} > {B}, protocol 1, 28 octets")


OUT, IN = "c0ffee01", "c0ffee02"
HISTORY = {
    "complete": True,
    "ike": [],
    "children": [{"local_address": A, "remote_address": B, "spi_out": OUT, "spi_in": IN}],
}


@pytest.fixture
def judged(tmp_path: Path) -> Callable[..., Judgement]:
    def judge(
        case: str = "passed",
        *,
        whole: bool = True,
        esp: Sequence[EspCount] = (),
        uncounted: int = 0,
        histories: dict[str, Any] = {"a": HISTORY},  # noqa: B006  (only read)
    ) -> Judgement:
        file = tmp_path / "histories.json"
        file.write_text(json.dumps(histories), encoding="utf-8")
        link = AuditedLink(
            file=CASES / case / "internet-site-a.pcap",
            name="internet site-a",
            underlay="internet",
            site="a",
            whole=whole,
            esp=tuple(esp),
            uncounted=uncounted,
        )
        return UnderlayExplained().judge(
            ExplainedEvidence(gateways=(A, B), sites=("a",), links=(link,), histories=file)
        )

    return judge


def test_a_capture_that_was_full_proves_a_fault_and_nothing_else(judged: Callable[..., Judgement]) -> None:
    assert judged("passed").verdict is Verdict.PASSED
    full = judged("passed", whole=False)
    assert full.verdict is Verdict.ERROR
    assert isinstance(full.error, CaptureError)
    assert "of internet site-a: the rest is not known" in full.message
    assert judged("failed-gre", whole=False).verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("source", "target", "spi", "verdict"),
    [
        (A, B, OUT, Verdict.PASSED),
        (B, A, IN, Verdict.PASSED),
        (A, B, IN, Verdict.FAILED),
        (B, A, OUT, Verdict.FAILED),
        (A, B, "c0ffee03", Verdict.FAILED),
        (A, HOST, "c0ffee03", Verdict.PASSED),  # such a frame is not left out of the capture
    ],
)
def test_esp_needs_an_association_of_its_two_ends_in_its_direction(
    judged: Callable[..., Judgement], source: str, target: str, spi: str, verdict: Verdict
) -> None:
    assert judged(esp=[EspCount(A, B, OUT, 70), EspCount(source, target, spi, 4)]).verdict is verdict


def test_the_most_frequent_invented_spi_is_told_with_who_keeps_no_history(judged: Callable[..., Judgement]) -> None:
    esp = [EspCount(A, B, "00000001", 4), EspCount(B, A, "00000002", 7), EspCount(B, A, "00000003", 1)]
    judgement = judged(esp=esp, histories={"a": {"silent": "a: no history"}})
    assert judgement.message == (
        f"internet site-a carried 7 ESP packets {B} > {A} with SPI 00000002, "
        "which no gateway has negotiated, and of 2 more such SPIs; a: no history"
    )


def test_what_could_not_be_counted_or_noted_is_an_error(judged: Callable[..., Judgement]) -> None:
    assert "more SPIs than can be counted crossed internet site-a" in judged(uncounted=1).message
    cut = {"a": {**HISTORY, "complete": False}}
    assert judged(histories=cut).verdict is Verdict.ERROR
    assert judged(esp=[EspCount(A, B, OUT, 1)], histories=cut).verdict is Verdict.ERROR


@pytest.mark.parametrize(("chain", "links"), [(["firewall", "ipsec"], 2), (["firewall", "statistics"], 0)])
def test_without_a_gateway_there_is_nothing_to_tell_apart(chain: list[str], links: int, tmp_path: Path) -> None:
    scenario = load(POC).scenario
    scenario = scenario.model_copy(update={"service": scenario.service.model_copy(update={"chain": chain})})
    node: Any = SimpleNamespace(namespace=None, ports={"site-a": "a", "site-b": "b"})
    lab: Any = SimpleNamespace(id="lab", underlays={"internet": node})
    audit = UnderlayAudit(scenario, cast(Lab, lab), tmp_path)
    assert (len(audit.points), sum(len(census.ports) for census in audit.censuses.values())) == (links, links)
