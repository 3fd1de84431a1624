"""``underlay.explained`` sees whatever crosses an underlay beside the tunnels, however it looks and whoever sent it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from breaking import access, assert_fails, assert_passes, await_path, judge_one, peers, rules, swanctl
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NS, IPv6
from scapy.layers.l2 import ARP, GRE, Dot1Q, Ether
from scapy.packet import Packet, Padding, Raw

from reports.model import StepResult
from scenarios.network.underlay_audit import audited
from scenarios.steps.context import Context
from testbed.packets import send
from testbed.traffic import ping

WAN_A, WAN_B, LAN_A, LAN_B = "198.51.100.1", "198.51.100.2", "10.1.0.10", "10.2.0.10"
TEXT = b"a text that everybody on the underlay can read"
IKE_WITH_TEXT = bytes(range(16)) + bytes([46, 0x21, 37, 8]) + bytes(4) + (28 + len(TEXT)).to_bytes(4, "big") + TEXT
SEALED = b"\x23\0" + (4 + len(TEXT)).to_bytes(2, "big") + TEXT
OF_NO_IKE_SA = (
    bytes(range(1, 17)) + bytes([46, 0x20, 37, 8]) + bytes(4) + (28 + len(SEALED)).to_bytes(4, "big") + SEALED
)
BESIDE = {
    "tcp-between-hosts": IP(src=LAN_A, dst=LAN_B) / TCP(dport=80, flags="PA") / TEXT,
    "tcp-between-gateways": IP(src=WAN_A, dst=WAN_B) / TCP(dport=443) / TEXT,
    "icmp": IP(src=WAN_A, dst=WAN_B) / ICMP() / TEXT,
    "udp-4500-of-a-host": IP(src=LAN_A, dst=WAN_B) / UDP(sport=4500, dport=4500) / Raw(b"\x01" * 40),
    "udp-4500-too-short-for-esp": IP(src=WAN_A, dst=WAN_B) / UDP(sport=4500, dport=4500) / Raw(TEXT[:3]),
    "udp-4500-to-another-port": IP(src=WAN_A, dst=WAN_B) / UDP(sport=4500, dport=53) / Raw(TEXT),
    "udp-500-without-ike": IP(src=WAN_A, dst=WAN_B) / UDP(sport=500, dport=500) / Raw(TEXT),
    "udp-500-with-another-version": IP(src=WAN_A, dst=WAN_B) / UDP(sport=500, dport=500) / Raw(IKE_WITH_TEXT),
    "udp-500-of-no-ike-sa": IP(src=WAN_A, dst=WAN_B) / UDP(sport=500, dport=500) / Raw(OF_NO_IKE_SA),
    "octets-behind-esp": IP(src=WAN_A, dst=WAN_B, proto=50) / Raw(b"\x01" * 40) / Padding(TEXT),
    "arp-for-a-text": ARP(hwsrc="06:00:00:00:00:01", psrc=WAN_A, pdst="97.32.116.101"),
    "esp-to-a-stranger": IP(src=WAN_A, dst="198.51.100.77", proto=50) / Raw(b"\x01" * 40),
    "ip-in-ip": IP(src=WAN_A, dst=WAN_B) / IP(src=LAN_A, dst=LAN_B) / UDP() / TEXT,
    "gre": IP(src=WAN_A, dst=WAN_B) / GRE() / IP(src=LAN_A, dst=LAN_B) / TEXT,
    "ipv6": IPv6(src="fd00::1", dst="fd00::2") / UDP() / TEXT,
    "ipv6-echo": IPv6(src="fe80::1", dst="fe80::2") / ICMPv6EchoRequest(data=TEXT),
    "neighbour-discovery-of-a-routed-address": IPv6(src="fd00::1", dst="ff02::1") / ICMPv6ND_NS(),
    "esp-behind-a-tag": Dot1Q(vlan=7) / IP(src=WAN_A, dst=WAN_B, proto=50) / Raw(b"\x01" * 40),
    "another-ethertype": Raw(TEXT),
}


def ethernet(packet: Packet) -> bytes:
    head = Ether(src="06:00:00:00:00:01", dst="06:00:00:00:00:02")
    if isinstance(packet, Raw):
        head.type = 0x88B5
    return bytes(head / packet)


def spi_out(context: Context, site: str) -> bytes:
    """The SPI that the gateway of *site* sends with."""
    (peer,) = peers(context.vnf_status(site, "ipsec"))
    return bytes.fromhex([child["spi_out"] for child in peer["children"] if child["state"] == "INSTALLED"][-1])


def test_tunnels_alone_pass(context: Context, watched: Callable[[], StepResult]) -> None:
    assert ping(context.host("a1").namespace, LAN_B, count=3).received
    assert_passes(watched())


@pytest.mark.parametrize("name", BESIDE)
def test_one_packet_beside_the_tunnel_is_seen(context: Context, watched: Callable[[], StepResult], name: str) -> None:
    send(context.lab.ucpes["site-a"].namespace, "wan0", [ethernet(BESIDE[name])], 0)
    assert_fails(watched(), "unexplained frames on internet site-a")


def test_fragments_are_judged_as_the_packet_that_they_make_up(
    context: Context, watched: Callable[[], StepResult]
) -> None:
    esp = IP(src=WAN_A, dst=WAN_B) / UDP(sport=4500, dport=4500) / Raw(spi_out(context, "site-a") + b"\x01" * 3000)
    send(context.lab.ucpes["site-a"].namespace, "wan0", [ethernet(part) for part in fragment(esp, 1400)], 0)
    assert_passes(watched())
    invented = IP(src=WAN_A, dst=WAN_B) / UDP(sport=4500, dport=4500) / Raw(b"\x01" * 3000)
    send(context.lab.ucpes["site-a"].namespace, "wan0", [ethernet(part) for part in fragment(invented, 1400)], 0)
    failed = assert_fails(watched(), "ESP of no security association on internet site-a")
    assert f"carried 1 ESP packet {WAN_A} > {WAN_B} with SPI 01010101, which no gateway" in failed[0].message
    text = IP(src=WAN_A, dst=WAN_B) / UDP(sport=4501, dport=4501) / Raw(TEXT * 100)
    send(context.lab.ucpes["site-a"].namespace, "wan0", [ethernet(part) for part in fragment(text, 1400)], 0)
    failed = assert_fails(watched(), "unexplained frames on internet site-a")
    assert f"{WAN_A} > {WAN_B}, protocol 17" in failed[0].message


@pytest.mark.parametrize("in_udp", [True, False], ids=["in-udp", "plain"])
def test_payload_that_is_only_disguised_as_esp_is_seen(
    context: Context, watched: Callable[[], StepResult], in_udp: bool
) -> None:
    """A host's packet with each octet changed by the same XOR, in ESP of an invented SPI, both ways."""
    ends = (("site-a", WAN_A, WAN_B), ("site-b", WAN_B, WAN_A))
    for number, (site, source, target) in enumerate(ends):
        inner = bytes(octet ^ 0x5A for octet in bytes(BESIDE["tcp-between-hosts"]))
        esp = b"\xde\xad\xbe" + bytes([number]) + (1).to_bytes(4, "big") + inner
        if in_udp:
            packet = IP(src=source, dst=target) / UDP(sport=4500, dport=4500) / Raw(esp)
        else:
            packet = IP(src=source, dst=target, proto=50) / Raw(esp)
        send(context.lab.ucpes[site].namespace, "wan0", [ethernet(packet)] * 10, 0)
    links = [f"ESP of no security association on internet {site}" for site, *_ in ends]
    failed = [one.message for one in assert_fails(watched(), *links) if one.name in links]
    assert len(failed) == 2
    for message in failed:
        assert "carried 10 ESP packets" in message
        assert "with SPI deadbe0" in message


def test_what_its_gateway_has_not_sent_is_seen_behind_a_live_spi(
    context: Context, watched: Callable[[], StepResult]
) -> None:
    swanctl(access(context, "site-a", "ipsec"), "--rekey", "--child", "site-b")
    await_path(context)
    assert_passes(watched())
    esp = IP(src=WAN_A, dst=WAN_B) / UDP(sport=4500, dport=4500) / Raw(spi_out(context, "site-a") + b"\x01" * 40)
    send(context.lab.ucpes["site-a"].namespace, "wan0", [ethernet(esp)] * 20, 0)
    failed = assert_fails(watched(), "ESP beyond what its gateway has sent on internet site-a")
    assert "of which the gateway has sent" in failed[0].message


def test_an_association_explains_its_own_direction_only(context: Context, watched: Callable[[], StepResult]) -> None:
    back = IP(src=WAN_B, dst=WAN_A) / UDP(sport=4500, dport=4500) / Raw(spi_out(context, "site-a") + b"\x01" * 40)
    send(context.lab.ucpes["site-b"].namespace, "wan0", [ethernet(back)], 0)
    assert_fails(watched(), "ESP of no security association on internet site-b")


def test_what_the_underlay_itself_sends_is_seen(context: Context, watched: Callable[[], StepResult]) -> None:
    """A copy of a host's packet that comes from a place which is no site."""
    send(context.lab.underlays["internet"].namespace, "br0", [ethernet(BESIDE["tcp-between-hosts"])], 0)
    assert_fails(watched(), "unexplained frames on internet site-a")


def test_a_flow_that_the_switch_leads_past_the_tunnel_is_seen(
    context: Context, watched: Callable[[], StepResult]
) -> None:
    with rules(context, "site-a", "priority=60000,icmp,in_port=lan0,nw_dst=10.2.0.99,actions=output:wan0"):
        ping(context.host("a1").namespace, "10.2.0.99", count=1, wait=0.5)
    assert_fails(watched(), "unexplained frames on internet site-a")


def test_captures_that_saw_no_key_exchange_prove_nothing(context: Context, tmp_path: Path) -> None:
    with audited(context.scenario, context.lab) as audit:
        result = judge_one(replace(context, audit=audit), tmp_path, "underlay.explained")
    assert_fails(result, "IKE messages on the links of site-a", "IKE messages on the links of site-b")
