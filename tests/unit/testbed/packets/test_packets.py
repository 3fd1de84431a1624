"""Probes, ARP answers, and the ground truth of counted streams: nothing is sent here."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether

from testbed.host.namespace import Namespace
from testbed.packets import (
    Count,
    CountedStream,
    Dialogue,
    End,
    Flow,
    FlowCounters,
    FlowKey,
    Kind,
    Reply,
    canary,
    fragments,
    probe,
    tcp_reply,
)
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


def test_options_and_fragments_are_those_that_others_read() -> None:
    options = [("MSS", (536,)), ("SAckOK", ()), ("Timestamp", (7, 0)), ("WScale", (3,))]
    syn = probe("tcp", **ADDRESSES, tcp_options=options, ip_options=b"\x94\x04", payload=bytes(range(100)))
    parsed = Ether(syn)
    assert parsed[TCP].options[:4] == [("MSS", 536), ("SAckOK", b""), ("Timestamp", (7, 0)), ("WScale", 3)]
    assert (parsed[IP].ihl, parsed[TCP].dataofs, bytes(parsed[TCP].payload)) == (6, 10, bytes(range(100)))
    parts = [Ether(part)[IP] for part in fragments(syn, 64)]
    assert [(part.frag, str(part.flags), part.len) for part in parts] == [(0, "MF", 24 + 64), (8, "", 24 + 76)]
    for part in parts:
        seen = part.chksum
        del part.chksum
        assert IP(bytes(part)).chksum == seen
    assert b"".join(bytes(part.payload) for part in parts) == syn[38:]


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


def _stream(*flows: Flow, dialogues: tuple[Dialogue, ...] = (), seed: int = 0) -> CountedStream:
    ends = {"lan-to-wan": _end("10.1.0.10"), "wan-to-lan": _end("10.2.0.10")}
    return CountedStream(ends, flows, dialogues, seed)


def _counted(stream: CountedStream) -> dict[FlowKey, Count]:
    """What a counter on the path must see of all that is sent, and of what that provokes."""
    counted: dict[FlowKey, Count] = {}
    for packet in (packet for phase in stream.phases() for packet in phase):
        for flow in (packet.flow, packet.provokes):
            if flow:
                counted[flow] = counted.get(flow, Count()) + Count(1, packet.bytes)
    return counted


def test_what_is_sent_and_what_it_provokes_is_known() -> None:
    stream = _stream(
        Flow("lan-to-wan", "udp", 10, 100, 5000, 6000),
        Flow("wan-to-lan", "icmp", 5, 56, 77),
        dialogues=(Dialogue("lan-to-wan", (10, 20, 0), 5002, 7),),
    )
    counted = _counted(stream)
    assert counted == {
        FlowKey("lan-to-wan", "10.1.0.10", "10.2.0.10", "udp", 5000, 6000): Count(10, 1280),
        FlowKey("wan-to-lan", "10.2.0.10", "10.1.0.10", "icmp", 0, 0): Count(5, 420),
        FlowKey("lan-to-wan", "10.1.0.10", "10.2.0.10", "icmp", 0, 0): Count(5, 420),
        FlowKey("lan-to-wan", "10.1.0.10", "10.2.0.10", "tcp", 5002, 7): Count(5, 5 * 40 + 10),
        FlowKey("wan-to-lan", "10.2.0.10", "10.1.0.10", "tcp", 7, 5002): Count(2, 2 * 40 + 20),
    }
    counters = FlowCounters(counted)
    assert counters.direction("lan-to-wan") == Count(20, 1910)
    assert counters.protocol("wan-to-lan", "icmp") == Count(5, 420)
    assert counters.protocol("wan-to-lan", "udp") == Count(0, 0)


def test_flows_with_the_same_key_are_one_flow() -> None:
    counted = _counted(_stream(Flow("lan-to-wan", "udp", 2, 10), Flow("lan-to-wan", "udp", 3, 20)))
    assert list(counted.values()) == [Count(5, 2 * 38 + 3 * 48)]


def test_the_order_is_that_of_the_seed() -> None:
    flows = (Flow("lan-to-wan", "udp", 30, 100, 1), Flow("wan-to-lan", "udp", 20, 1, 2))

    def order(seed: int) -> list[str]:
        return [packet.flow.direction for packet in _stream(*flows, seed=seed).phases()[2]]

    assert order(1) == order(1) != order(2)
    assert sorted(order(1)) == ["lan-to-wan"] * 30 + ["wan-to-lan"] * 20


def test_a_dialogue_is_one_that_tcp_could_have_had() -> None:
    """RFC 9293: each octet and each flag of the handshake takes a number, and only what has come is acknowledged."""
    dialogue = Dialogue("lan-to-wan", (10, 20, 30, 40), 5002, 7)
    requests, answers, mixed, resets = (
        [Ether(packet.frame)[TCP] for packet in phase] for phase in _stream(dialogues=(dialogue,)).phases()
    )
    (syn,), (answer,), (reset,) = requests, answers, resets
    assert [str(segment.flags) for segment in (syn, answer, reset)] == ["S", "SA", "RA"]
    assert answer.ack == (syn.seq + 1) % 2**32
    client = [segment for segment in mixed if segment.sport == 5002]
    server = [segment for segment in mixed if segment.sport == 7]
    assert [(segment.seq - syn.seq) % 2**32 for segment in client] == [1, 1, 11]
    assert [(segment.seq - answer.seq) % 2**32 for segment in server] == [1, 21]
    assert {segment.ack for segment in (*client, reset)} == {(answer.seq + 1) % 2**32}
    assert {segment.ack for segment in server} == {(syn.seq + 1) % 2**32}
    assert [len(segment.payload) for segment in client] == [0, 10, 30]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Flow("there", "tcp", 2, 0), "use a dialogue"),
        (lambda: Dialogue("there", (65_535, 0, 1), 1, 2), "at most 65535 octets"),
        (lambda: Flow("there", "udp", 0, 0), "at least one packet"),
        (lambda: _stream(Flow("sideways", "udp", 1, 0)), "sideways"),
        (lambda: CountedStream({"one": _end("10.0.0.1")}, ()), "two directions"),
    ],
)
def test_a_stream_that_would_have_unknown_counts_is_refused(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=message):
        make()
