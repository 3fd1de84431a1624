"""Probes, ARP answers, and the ground truth of counted streams: nothing is sent here."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether

from testbed.host.namespace import Namespace
from testbed.packets import Count, CountedStream, End, Flow, FlowKey, Kind, Reply, canary, probe, tcp_reply
from testbed.packets.wire import arp_sender

ADDRESSES: dict[str, Any] = {
    "source_mac": "06:00:00:00:00:01",
    "destination_mac": "06:00:00:00:00:02",
    "source": "10.1.0.10",
    "destination": "10.2.0.10",
}


@pytest.mark.parametrize(("kind", "layer"), [("udp", UDP), ("tcp", TCP), ("icmp", ICMP)])
def test_a_probe_is_a_valid_packet_of_its_kind_with_its_payload_at_the_end(kind: Kind, layer: type) -> None:
    token = canary()
    frame = probe(kind, **ADDRESSES, source_port=1234, destination_port=80, payload=token)
    parsed = Ether(frame)
    assert layer in parsed
    assert frame.endswith(token)
    sums = parsed[IP].chksum, parsed[layer].chksum
    del parsed[IP].chksum, parsed[layer].chksum
    again = Ether(bytes(parsed))
    assert sums == (again[IP].chksum, again[layer].chksum)


def test_an_icmp_type_a_ttl_and_a_bare_protocol_can_be_asked_for() -> None:
    assert Ether(probe("icmp", **ADDRESSES, icmp_type=13, ttl=3))[ICMP].type == 13
    raw = Ether(probe(47, **ADDRESSES, payload=b"gre?", dont_fragment=True))
    assert (raw[IP].proto, bytes(raw[IP].payload)[:4], str(raw[IP].flags)) == (47, b"gre?", "DF")


def test_canaries_never_repeat() -> None:
    assert len({canary() for _ in range(1000)}) == 1000


SYN = probe("tcp", **ADDRESSES, source_port=40000, destination_port=80)
ANSWER = Ether() / IP(src="10.2.0.10", dst="10.1.0.10")


@pytest.mark.parametrize(
    ("frame", "reply"),
    [
        (ANSWER / TCP(sport=80, dport=40000, flags="SA"), Reply.ACCEPTED),
        (ANSWER / TCP(sport=80, dport=40000, flags="RA"), Reply.REFUSED),
        (ANSWER / TCP(sport=80, dport=40001, flags="SA"), None),
        (ANSWER / TCP(sport=80, dport=40000, flags="A"), None),
        (Ether() / IP(src="10.2.0.99", dst="10.1.0.10") / TCP(sport=80, dport=40000, flags="SA"), None),
        (ANSWER / UDP(sport=80, dport=40000), None),
        (Ether() / ARP(), None),
    ],
)
def test_only_the_answer_to_this_syn_counts(frame: Ether, reply: Reply | None) -> None:
    assert tcp_reply(SYN, bytes(frame)) is reply


@pytest.mark.parametrize(
    ("frame", "mac"),
    [
        (ARP(op=2, psrc="10.1.0.1", hwsrc="06:00:00:00:00:09"), "06:00:00:00:00:09"),
        (ARP(op=1, psrc="10.1.0.1", hwsrc="06:00:00:00:00:09"), None),
        (ARP(op=2, psrc="10.1.0.2", hwsrc="06:00:00:00:00:09"), None),
    ],
)
def test_only_a_reply_for_the_address_resolves_it(frame: ARP, mac: str | None) -> None:
    found = arp_sender(bytes(Ether() / frame), bytes([10, 1, 0, 1]))
    assert (found.hex(":") if found else None) == mac


def _end(address: str) -> End:
    return End(Namespace("/nowhere"), "eth0", address, "06:00:00:00:00:01", "06:00:00:00:00:02")


def _stream(*flows: Flow) -> CountedStream:
    return CountedStream({"lan-to-wan": _end("10.1.0.10"), "wan-to-lan": _end("10.2.0.10")}, flows)


def test_what_is_sent_and_what_it_provokes_is_expected() -> None:
    expected = _stream(
        Flow("lan-to-wan", "udp", 10, 100, 5000, 6000),
        Flow("wan-to-lan", "icmp", 5, 56, 77),
        Flow("lan-to-wan", "tcp", 1, 10, 5002, 7),
    ).expected()
    assert expected.flows == {
        FlowKey("lan-to-wan", "10.1.0.10", "10.2.0.10", "udp", 5000, 6000): Count(10, 1280),
        FlowKey("wan-to-lan", "10.2.0.10", "10.1.0.10", "icmp", 0, 0): Count(5, 420),
        FlowKey("lan-to-wan", "10.1.0.10", "10.2.0.10", "icmp", 0, 0): Count(5, 420),
        FlowKey("lan-to-wan", "10.1.0.10", "10.2.0.10", "tcp", 5002, 7): Count(1, 50),
        FlowKey("wan-to-lan", "10.2.0.10", "10.1.0.10", "tcp", 7, 5002): Count(1, 40),
    }
    assert expected.direction("lan-to-wan") == Count(16, 1750)
    assert expected.protocol("wan-to-lan", "icmp") == Count(5, 420)
    assert expected.protocol("wan-to-lan", "udp") == Count(0, 0)


def test_flows_with_the_same_key_are_one_flow() -> None:
    expected = _stream(Flow("lan-to-wan", "udp", 2, 10), Flow("lan-to-wan", "udp", 3, 20)).expected()
    assert list(expected.flows.values()) == [Count(5, 2 * 38 + 3 * 48)]


def test_the_frames_of_a_stream_are_as_long_as_expected() -> None:
    stream = _stream(
        Flow("lan-to-wan", "udp", 3, 100), Flow("lan-to-wan", "tcp", 1, 0), Flow("wan-to-lan", "icmp", 2, 8)
    )
    frames = list(stream._interleaved())
    assert [direction for direction, _ in frames[:3]] == ["lan-to-wan", "lan-to-wan", "wan-to-lan"]
    assert sum(len(frame) - 14 for direction, frame in frames if direction == "lan-to-wan") == 3 * 128 + 40
    assert sum(len(frame) - 14 for direction, frame in frames if direction == "wan-to-lan") == 2 * 36


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Flow("there", "tcp", 2, 0), "one SYN"),
        (lambda: Flow("there", "udp", 0, 0), "at least one packet"),
        (lambda: _stream(Flow("sideways", "udp", 1, 0)), "sideways"),
        (lambda: CountedStream({"one": _end("10.0.0.1")}, ()), "two directions"),
    ],
)
def test_a_stream_that_would_have_unknown_counts_is_refused(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=message):
        make()
