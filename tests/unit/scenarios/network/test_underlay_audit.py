"""What may cross an underlay and what not, frame by frame; and where nothing is watched."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6MLDMultAddrRec,
    ICMPv6MLQuery2,
    ICMPv6MLReport,
    ICMPv6MLReport2,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6ND_RS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
    IPv6ExtHdrHopByHop,
    RouterAlert,
)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Padding, Raw

from reports.model import Verdict
from scenarios.load import load
from scenarios.network.underlay_audit import LinkEnds, UnderlayAudit, traffic
from scenarios.network.wire import AuditedLink, SentEsp
from scenarios.steps.checks import Judgement
from scenarios.verbs.underlay_explained import ExplainedEvidence, UnderlayExplained
from testbed.capture import CaptureError
from testbed.esp import EspCount
from testbed.lab import Lab

A, B, HOST = "198.51.100.1", "198.51.100.2", "10.1.0.10"
ENDS = LinkEnds.between((A, B))
ROUTER = "198.51.100.77"
TRANSLATED = {"site-a": (A, ROUTER)}
POC = Path(__file__).parents[4] / "scenarios" / "poc-two-sites"
CASES = POC.parents[1] / "tests" / "unit" / "scenarios" / "evidence" / "underlay.explained"
BETWEEN = IP(src=A, dst=B)


def ike(
    exchange: int, first_payload: int, body: bytes, *, version: int = 0x20, longer: int = 0, number: int = 0
) -> bytes:
    """A request in IKE (RFC 7296, section 3.1)."""
    spis = bytes(range(1, 9)) + (bytes(8) if exchange == 34 else bytes(range(9, 17)))
    head = spis + bytes([first_payload, version, exchange, 0x08]) + number.to_bytes(4, "big")
    return head + (28 + len(body) + longer).to_bytes(4, "big") + body


def payload(following: int, content: bytes, longer: int = 0) -> bytes:
    return bytes([following, 0]) + (4 + len(content) + longer).to_bytes(2, "big") + content


KEYS, NONCE, DETECTION = b"\0\x13\0\0" + bytes(64), bytes(32), b"\0\0\x40\x04" + bytes(20)
PROPOSAL = bytes([0, 0, 0, 36, 1, 1, 0, 3, 3, 0, 0, 12, 1, 0, 0, 20, 0x80, 14, 1, 0])
PROPOSAL += bytes([3, 0, 0, 8, 2, 0, 0, 6, 0, 0, 0, 8, 4, 0, 0, 19])
INIT = payload(34, PROPOSAL) + payload(40, KEYS) + payload(41, NONCE) + payload(0, DETECTION)
SEALED, FRAGMENT = payload(35, bytes(40)), payload(35, b"\0\1\0\2" + bytes(40))
SPIS = (bytes(range(1, 9)).hex(), bytes(range(9, 17)).hex())


def udp(port: int, body: bytes, ends: Packet = BETWEEN) -> Packet:
    return ends / UDP(sport=port, dport=port) / Raw(body)


def asks(**changes: Any) -> Packet:
    """ARP for the other gateway."""
    return ARP(**{"hwsrc": MAC_A, "psrc": A, "pdst": B, **changes})


NOBODY = str(IPv4Address(0))
MAC_A, MAC_B = "06:00:00:00:00:01", "06:00:00:00:00:02"


def link(**changes: Any) -> Packet:
    """IPv6 from one end of a link to all of it."""
    return IPv6(**{"src": "fe80::1", "dst": "ff02::1", "hlim": 255, **changes})


LINK = link()
GROUPS = IPv6(src="fe80::1", dst="ff02::16", hlim=1) / IPv6ExtHdrHopByHop(options=RouterAlert())
SOLICITED = ICMPv6MLDMultAddrRec(dst="ff02::1:ff00:1")
SOLICITATION = ICMPv6ND_NS(tgt="fe80::2")
TEXT = b"a text of 8 octets and more"


@pytest.mark.parametrize(
    ("packet", "explained", "messages"),
    [
        pytest.param(asks(), True, 0, id="arp"),
        pytest.param(asks(op=2, hwdst=MAC_B), True, 0, id="arp-answer"),
        pytest.param(asks(psrc=NOBODY), True, 0, id="arp-probe"),
        pytest.param(asks(pdst=A, hwdst="ff:ff:ff:ff:ff:ff"), True, 0, id="arp-announcement"),
        pytest.param(asks(psrc="100.64.0.2", pdst="100.64.0.2"), True, 0, id="arp-announcement-of-a-placeholder"),
        pytest.param(asks() / Raw(bytes(18)), True, 0, id="padded-arp"),
        pytest.param(asks() / Raw(b"a text"), False, 0, id="arp-with-a-text"),
        pytest.param(asks() / Raw(bytes(40)), False, 0, id="arp-with-too-much"),
        pytest.param(asks(pdst="198.51.100.9"), False, 0, id="arp-for-nobody"),
        pytest.param(asks(psrc=HOST), False, 0, id="arp-of-a-host"),
        pytest.param(asks(hwsrc="61:20:74:65:78:74"), False, 0, id="arp-of-another-mac"),
        pytest.param(asks(hwdst="61:20:74:65:78:74"), False, 0, id="arp-for-a-mac"),
        pytest.param(asks(op=3), False, 0, id="rarp"),
        pytest.param(asks(hwtype=6), False, 0, id="arp-of-another-kind-of-link"),
        pytest.param(BETWEEN / Raw(b"\1" * 40), False, 0, id="no-protocol"),
        pytest.param(IP(src=A, dst=B, proto=50) / Raw(b"\1" * 40), True, 0, id="esp"),
        pytest.param(IP(src=A, dst=HOST, proto=50) / Raw(b"\1" * 40), False, 0, id="esp-to-a-host"),
        pytest.param(IP(src=A, dst=B, proto=50, len=60) / Raw(b"\1" * 41), False, 0, id="an-octet-behind-esp"),
        pytest.param(IP(src=A, dst=B, proto=50, len=40) / Raw(b"\1" * 20 + bytes(6)), True, 0, id="padded-esp"),
        pytest.param(IP(src=A, dst=B, proto=50, len=40) / Raw(b"\1" * 26), False, 0, id="padded-esp-with-a-text"),
        pytest.param(IP(src=A, dst=B, proto=50, len=40) / Raw(b"\1" * 20 + bytes(7)), False, 0, id="esp-with-too-much"),
        pytest.param(udp(4500, b"\1" * 40), True, 0, id="esp-in-udp"),
        pytest.param(udp(4500, b"\1\2\3"), False, 0, id="too-short-for-esp"),
        pytest.param(udp(4500, b"\xff"), True, 0, id="keepalive"),
        pytest.param(BETWEEN / UDP(sport=40000, dport=4500) / Raw(b"\1" * 40), False, 0, id="esp-from-another-port"),
        pytest.param(udp(500, ike(34, 33, INIT)), True, 1, id="ike-init"),
        pytest.param(udp(500, ike(34, 43, payload(0, TEXT))), True, 1, id="ike-vendor"),
        pytest.param(udp(500, ike(34, 33, INIT + TEXT)), False, 0, id="ike-init-with-a-text"),
        pytest.param(udp(500, ike(34, 33, payload(0, PROPOSAL + TEXT))), False, 0, id="ike-proposal-with-a-text"),
        pytest.param(udp(500, ike(34, 34, payload(0, KEYS + TEXT))), False, 0, id="ike-key-exchange-with-a-text"),
        pytest.param(udp(500, ike(34, 41, payload(0, DETECTION + TEXT))), False, 0, id="ike-detection-with-a-text"),
        pytest.param(udp(500, ike(34, 37, payload(0, TEXT))), False, 0, id="ike-certificate-in-init"),
        pytest.param(udp(500, ike(34, 40, payload(0, NONCE, 1))), False, 0, id="ike-payload-that-ends-late"),
        pytest.param(udp(4500, bytes(4) + ike(35, 46, SEALED)), True, 1, id="ike-auth"),
        pytest.param(udp(4500, bytes(4) + ike(35, 53, FRAGMENT)), True, 1, id="ike-fragment"),
        pytest.param(udp(4500, bytes(4) + ike(37, 46, SEALED, number=2)), True, 1, id="ike-informational"),
        pytest.param(udp(4500, bytes(4) + ike(37, 46, SEALED + TEXT)), False, 0, id="ike-sealed-with-a-text"),
        pytest.param(
            udp(4500, bytes(4) + ike(35, 53, payload(35, b"\0\3\0\2" + bytes(40)))), False, 0, id="no-fragment"
        ),
        pytest.param(udp(500, ike(35, 41, payload(0, DETECTION))), False, 0, id="ike-auth-in-the-clear"),
        pytest.param(udp(500, ike(34, 33, INIT, version=0x10)), False, 0, id="ike-version-1"),
        pytest.param(udp(500, ike(34, 33, INIT, longer=1)), False, 0, id="ike-of-another-length"),
        pytest.param(udp(500, b"a text"), False, 0, id="text-to-the-port-of-ike"),
        pytest.param(udp(500, ike(34, 33, INIT), IP(src=HOST, dst=B)), False, 0, id="ike-of-a-host"),
        pytest.param(BETWEEN / ICMP(), False, 0, id="icmp"),
        pytest.param(Dot1Q(vlan=7) / asks(), False, 0, id="tagged-arp"),
        pytest.param(LINK / ICMPv6ND_NS(tgt="fe80::2"), True, 0, id="neighbour-solicitation"),
        pytest.param(
            LINK / ICMPv6ND_NS(tgt="fe80::2") / ICMPv6NDOptSrcLLAddr(lladdr=MAC_A), True, 0, id="solicitation-with-mac"
        ),
        pytest.param(
            IPv6(src="::", dst="ff02::1", hlim=255) / ICMPv6ND_NS(tgt="fe80::1") / Raw(b"\x0e\1nonce!"),
            True,
            0,
            id="duplicate-address-detection",
        ),
        pytest.param(
            LINK / ICMPv6ND_NA(tgt="fe80::1") / ICMPv6NDOptDstLLAddr(lladdr=MAC_A),
            True,
            0,
            id="neighbour-advertisement",
        ),
        pytest.param(LINK / ICMPv6ND_RS(), True, 0, id="router-solicitation"),
        pytest.param(LINK / ICMPv6ND_RA(), False, 0, id="router-advertisement"),
        pytest.param(LINK / ICMPv6ND_NS(tgt="fe80::2") / Raw(TEXT), False, 0, id="solicitation-with-a-text"),
        pytest.param(LINK / ICMPv6ND_NS(tgt="fe80::2") / Raw(b"\x05\1secret"), False, 0, id="solicitation-with-an-mtu"),
        pytest.param(
            LINK / ICMPv6ND_NS(tgt="fe80::2") / Raw(b"\1\1secret"), False, 0, id="solicitation-of-another-mac"
        ),
        pytest.param(LINK / ICMPv6ND_NS(tgt="6120:7465::1"), False, 0, id="solicitation-for-a-routed-address"),
        pytest.param(LINK / ICMPv6ND_NA(tgt="fe80::1", res=7), False, 0, id="advertisement-with-reserved-bits"),
        pytest.param(LINK / ICMPv6ND_NS(tgt="fe80::2") / Padding(TEXT), False, 0, id="octets-behind-a-solicitation"),
        pytest.param(GROUPS / ICMPv6MLReport2(records=[SOLICITED]), True, 0, id="multicast-listener"),
        pytest.param(GROUPS / ICMPv6MLReport(mladdr="ff02::1:ff00:1"), True, 0, id="multicast-listener-version-1"),
        pytest.param(GROUPS / ICMPv6MLQuery2(), True, 0, id="multicast-query"),
        pytest.param(
            GROUPS / ICMPv6MLReport2(records=[SOLICITED], records_number=1) / Raw(TEXT), False, 0, id="listener-text"
        ),
        pytest.param(
            GROUPS / ICMPv6MLReport2(records=[ICMPv6MLDMultAddrRec(dst="ff02::1", auxdata=b"text")]),
            False,
            0,
            id="listener-with-auxiliary-data",
        ),
        pytest.param(
            IPv6(src="fd00::1", dst="ff02::1", hlim=255) / ICMPv6ND_NS(), False, 0, id="solicitation-from-afar"
        ),
        pytest.param(IPv6(src="::7", dst="ff02::1", hlim=255) / ICMPv6ND_NS(), False, 0, id="nearly-unspecified"),
        pytest.param(link(version=5) / SOLICITATION, False, 0, id="solicitation-of-another-version"),
        pytest.param(
            link(plen=24) / SOLICITATION / ICMPv6NDOptSrcLLAddr(lladdr=MAC_A), False, 0, id="option-behind-ipv6"
        ),
        pytest.param(link(dst="2001:db8::1") / SOLICITATION, False, 0, id="solicitation-to-afar"),
        pytest.param(link(hlim=254) / SOLICITATION, False, 0, id="solicitation-that-was-forwarded"),
        pytest.param(LINK / ICMPv6ND_NS(tgt="fe80::2", code=1), False, 0, id="solicitation-with-a-code"),
        pytest.param(
            LINK / SOLICITATION / (ICMPv6NDOptSrcLLAddr(lladdr=MAC_A) / ICMPv6NDOptSrcLLAddr(lladdr=MAC_A)),
            False,
            0,
            id="an-option-twice",
        ),
        pytest.param(LINK / SOLICITATION / Raw(b"\x0e\1non"), False, 0, id="half-an-option"),
        pytest.param(
            link(dst="ff02::16", hlim=2) / IPv6ExtHdrHopByHop(options=RouterAlert()) / ICMPv6MLQuery2(),
            False,
            0,
            id="query-that-was-forwarded",
        ),
        pytest.param(GROUPS / ICMPv6MLReport(mladdr="ff02::1:ff00:1", code=1), False, 0, id="listener-with-a-code"),
        pytest.param(GROUPS / ICMPv6MLReport(mladdr="ff02::1:ff00:1") / Raw(TEXT), False, 0, id="listener-and-a-text"),
        pytest.param(
            GROUPS / ICMPv6MLReport2(records=[SOLICITED], records_number=0), False, 0, id="listener-not-counted"
        ),
        pytest.param(
            GROUPS / ICMPv6MLReport2(records=[ICMPv6MLDMultAddrRec(dst="ff05::1")]), False, 0, id="group-of-the-site"
        ),
        pytest.param(GROUPS / ICMPv6MLQuery2(sources=["fe80::9"]), False, 0, id="query-of-a-source"),
        pytest.param(LINK / ICMPv6EchoRequest(), False, 0, id="ipv6-echo"),
    ],
)
def test_each_frame_is_explained_or_not(packet: Packet, explained: bool, messages: int) -> None:
    seen = traffic([bytes(Ether(src=MAC_A, dst=MAC_B) / packet)], ENDS)
    assert (seen.unexplained == 0, seen.ike) == (explained, messages)
    assert bool(seen.first) != explained


INSIDE, OUTSIDE = (LinkEnds.of(site, (A, ROUTER, B), TRANSLATED) for site in ("site-a", "site-b"))
GOES, RETURNS = IP(src=ROUTER, dst=B), IP(src=B, dst=ROUTER)
ESP = bytes(range(16, 96))


def ports(ends: Packet, source: int, destination: int, body: bytes) -> Packet:
    return ends / UDP(sport=source, dport=destination) / Raw(body)


@pytest.mark.parametrize(
    ("packet", "inside", "outside"),
    [
        pytest.param(ports(BETWEEN, 4500, 4500, ESP), True, False, id="from-the-site"),
        pytest.param(ports(IP(src=B, dst=A), 4500, 4500, ESP), True, False, id="to-the-site"),
        pytest.param(ports(GOES, 20_000, 4500, ESP), False, True, id="from-the-router"),
        pytest.param(ports(RETURNS, 4500, 29_999, ESP), False, True, id="to-the-router"),
        pytest.param(ports(GOES, 4500, 4500, ESP), False, False, id="port-not-translated"),
        pytest.param(ports(GOES, 19_999, 4500, ESP), False, False, id="port-that-the-router-has-not"),
        pytest.param(ports(GOES, 4500, 20_000, ESP), False, False, id="port-at-the-wrong-end"),
        pytest.param(ports(GOES, 20_000, 20_000, ESP), False, False, id="ports-of-nobody"),
        pytest.param(ports(BETWEEN, 20_000, 4500, ESP), False, False, id="port-of-the-router-at-the-site"),
        pytest.param(BETWEEN / Raw(ESP), False, False, id="no-protocol"),
        pytest.param(IP(src=A, dst=B, proto=50) / Raw(ESP), False, False, id="bare-esp-from-the-site"),
        pytest.param(IP(src=ROUTER, dst=B, proto=50) / Raw(ESP), False, False, id="bare-esp-from-the-router"),
        pytest.param(IP(src=B, dst=ROUTER, proto=50) / Raw(ESP), False, False, id="bare-esp-to-the-router"),
        pytest.param(ports(BETWEEN, 500, 500, ike(34, 33, INIT)), True, False, id="first-exchange-from-the-site"),
        pytest.param(ports(GOES, 20_001, 500, ike(34, 33, INIT)), False, True, id="first-exchange-from-the-router"),
        pytest.param(ports(GOES, 20_001, 500, ike(35, 46, SEALED)), False, False, id="second-exchange-by-500"),
        pytest.param(ports(BETWEEN, 500, 500, ike(35, 46, SEALED)), False, False, id="second-exchange-by-500-inside"),
        pytest.param(
            ports(GOES, 20_000, 4500, bytes(4) + ike(35, 46, SEALED)), False, True, id="second-exchange-by-4500"
        ),
        pytest.param(ports(GOES, 20_000, 4500, b"\xff"), False, True, id="keepalive"),
        pytest.param(ports(GOES, 20_000, 9000, ESP), False, False, id="something-else"),
        pytest.param(ports(IP(src=HOST, dst=B), 20_000, 4500, ESP), False, False, id="from-a-host"),
        pytest.param(asks(psrc=ROUTER, pdst=A), True, False, id="the-router-asks-for-the-site"),
        pytest.param(asks(psrc=ROUTER, pdst=B), True, True, id="the-router-asks-for-the-far-end"),
        pytest.param(asks(psrc=A, pdst=B), True, False, id="the-site-asks-for-the-far-end"),
    ],
)
def test_each_side_of_a_nat_has_its_own_addresses_and_ports(packet: Packet, inside: bool, outside: bool) -> None:
    frame = bytes(Ether(src=MAC_A, dst=MAC_B) / packet)
    assert (traffic([frame], INSIDE).unexplained == 0, traffic([frame], OUTSIDE).unexplained == 0) == (inside, outside)


@pytest.mark.parametrize(
    ("site", "source", "strange"),
    [("site-a", A, 0), ("site-a", ROUTER, 1), ("site-b", ROUTER, 0), ("site-b", A, 1)],
    ids=["own link", "router's address on it", "far link", "address that was not translated"],
)
def test_esp_that_was_only_counted_has_the_addresses_of_its_side(
    site: str, source: str, strange: int, tmp_path: Path
) -> None:
    """Both gateways know the SPI, each by the addresses that it sees."""
    sent = {"local_address": A, "remote_address": B, "spi_in": "00000001", "spi_out": "00000002"}
    taken = {"local_address": B, "remote_address": ROUTER, "spi_in": "00000002", "spi_out": "00000001"}
    told = {
        name: {"ike": [], "children": [child], "complete": True}
        for name, child in (("site-a", sent), ("site-b", taken))
    }
    (tmp_path / "histories.json").write_text(json.dumps(told))
    (tmp_path / "link.pcap").write_bytes((CASES / "passed" / "internet-site-a.pcap").read_bytes()[:24])
    link = AuditedLink(
        file=tmp_path / "link.pcap", name="link", underlay="internet", site=site, whole=True, uncounted=0,
        esp=(EspCount(source, B, "00000002", 3),),
    )  # fmt: skip
    evidence = ExplainedEvidence(
        gateways=(A, ROUTER, B), sites=(), links=(link,), histories=tmp_path / "histories.json", translated=TRANSLATED
    )
    checks = {check.name: check for check in UnderlayExplained().judge(evidence).checks}
    assert checks["ESP of no security association on link"].measured == str(3 * strange)


@pytest.mark.parametrize(("stations", "unexplained"), [(24, 0), (25, 1), (64, 40)])
def test_addresses_of_more_stations_than_there_can_be_are_text(stations: int, unexplained: int) -> None:
    names = [f"02:74:65:78:74:{number:02x}" for number in range(stations)]
    frames = [Ether(src=name, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=name, psrc=A, pdst=B) for name in names]
    known = Ether(src=names[0], dst=names[1]) / udp(500, ike(34, 33, INIT))
    seen = traffic(map(bytes, [*frames, known]), ENDS)
    assert (seen.unexplained, seen.ike) == (unexplained, 1)


@pytest.mark.parametrize(("known", "varied"), [("src", "dst"), ("dst", "src")])
def test_one_known_station_does_not_vouch_for_the_other(known: str, varied: str) -> None:
    others = [f"02:74:65:78:74:{number:02x}" for number in range(24)]
    frames = [Ether(**{known: MAC_A, varied: other}) / udp(500, ike(34, 33, INIT)) for other in others]
    assert traffic(map(bytes, frames), ENDS).unexplained == 1


def test_the_first_in_time_is_told() -> None:
    frames = [
        Ether(src=MAC_A) / LINK / ICMPv6ND_NS(tgt="fe80::2"),
        Ether() / BETWEEN / ICMP(),
        Ether() / LINK / ICMPv6EchoRequest(),
    ]
    seen = traffic(map(bytes, frames), ENDS)
    assert (seen.unexplained, seen.first) == (2, f"IPv4 {A} > {B}, protocol 1, 28 octets")


@pytest.mark.parametrize(
    ("exchange", "known", "explained"),
    [(36, None, True), (36, {SPIS}, True), (36, set(), False), (37, {SPIS[::-1]}, False), (35, set(), True)],
)
def test_an_exchange_is_one_of_an_ike_sa_that_stood(exchange: int, known: Any, explained: bool) -> None:
    frame = bytes(Ether() / udp(4500, bytes(4) + ike(exchange, 46, SEALED)))
    assert (traffic([frame], ENDS, known).ike == 1) is explained


def test_a_message_of_the_number_of_another_one_is_the_same() -> None:
    """What retransmits is not told from it; in the other direction the same number is another message's."""
    first, other = (ike(37, 46, payload(0, bytes(39) + end), number=7) for end in (b"\1", b"\2"))

    def framed(body: bytes, ends: Packet = BETWEEN) -> bytes:
        return bytes(Ether() / udp(4500, bytes(4) + body, ends))

    assert traffic([framed(first), framed(first), framed(other, IP(src=B, dst=A))], ENDS).unexplained == 0
    assert traffic([framed(first), framed(other)], ENDS).unexplained == 1


OUT, IN = "c0ffee01", "c0ffee02"
PASSED = json.loads((CASES / "passed" / "histories.json").read_text(encoding="utf-8"))
HISTORY = {
    "complete": True,
    "ike": PASSED["site-a"]["ike"],
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
        sent: Sequence[SentEsp] = (),
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
            ExplainedEvidence(gateways=(A, B), sites=("a",), links=(link,), histories=file, sent=tuple(sent))
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


def test_more_esp_than_its_gateway_has_sent_is_not_its_own(judged: Callable[..., Judgement]) -> None:
    def of(spi: str, seen: int, sent: int, link: str = "internet site-a") -> SentEsp:
        return SentEsp(link=link, source=A, destination=B, spi=spi, seen=seen, sent=sent)

    healthy = judged(sent=[of(OUT, 7, 7), of(IN, 6, 9)])
    assert (healthy.verdict, healthy.checks[-1].name) == (
        Verdict.PASSED,
        "ESP beyond what its gateway has sent on internet site-a",
    )
    assert judged(sent=[of(OUT, 9, 7, "internet site-b")]).verdict is Verdict.PASSED
    forged = judged(sent=[of(OUT, 8, 7), of(IN, 9, 6)])
    assert forged.checks[-1].measured == "4"
    assert (
        forged.message
        == f"internet site-a carried 9 ESP packets {A} > {B} with SPI {IN}, of which the gateway has sent 6"
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
