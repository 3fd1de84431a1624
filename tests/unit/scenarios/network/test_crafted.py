"""The packets that firewalls are tried with: every shape, the whole range of ports, and the same for the same seed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import Ether

from scenarios.load import load
from scenarios.network.crafted import Flow, Maker, Way
from scenarios.network.marks import Packet, frames_of

POC = Path(__file__).parents[4] / "scenarios" / "poc-two-sites"

MTU = 1400
WAY = Way("10.1.0.10", "10.2.0.10", "02:00:00:00:00:01", "02:00:00:00:00:02")
EVERY = Flow("tcp", 23, 8, "telnet"), Flow("udp", 7777, 8, "default"), Flow("icmp", 0, 8, "icmp")
TELNET, NAMELESS, ECHO = EVERY


def maker(seed: int = 1, sources: list[range] | None = None) -> Maker:
    rng = random.Random(seed)  # noqa: S311  (what is wanted is that it can be made again)
    return Maker(rng, MTU, sources or [range(65536)], set())


def layers(packets: tuple[Packet, ...]) -> list[Ether]:
    return [Ether(packet.frames[0]) for packet in packets]


@pytest.mark.parametrize("flow", EVERY)
def test_a_seed_makes_the_same_packets(flow: Flow) -> None:
    def made(seed: int) -> tuple[tuple[Packet, ...], ...]:
        one = maker(seed)
        return one.allowed(flow, WAY, 20), one.blocked(flow, WAY, 20, [80])

    assert made(7) == made(7)
    assert made(7) != made(8)


@pytest.mark.parametrize("flow", EVERY)
def test_each_frame_fits_and_is_whole(flow: Flow) -> None:
    one = maker()
    for frame in frames_of([*one.allowed(flow, WAY, 48), *one.blocked(flow, WAY, 48, [80])]):
        packet = Ether(frame)
        assert len(frame) - 14 == packet[IP].len <= MTU
        checksum = packet[IP].chksum
        del packet[IP].chksum
        assert Ether(bytes(packet))[IP].chksum == checksum


def test_source_ports_are_of_the_whole_range() -> None:
    ports = [packet[TCP].sport for packet in layers(maker().allowed(TELNET, WAY, 64))]
    assert sorted(port // 1024 for port in ports) == list(range(64))
    assert len(set(ports)) == 64
    assert 0 not in ports


def test_blocked_packets_also_come_from_ports_that_are_taken_for_services() -> None:
    made = maker().blocked(TELNET, WAY, 32, [80, 5201])
    ports = [int.from_bytes(bytes(packet[IP].payload)[:2], "big") for packet in layers(made)]
    assert {0, 80, 5201} < set(ports)
    assert any(0 < port < 1024 for port in ports)


def test_source_ports_are_those_of_the_flow() -> None:
    allowed = [range(100, 110), range(5000, 5002)]
    ports = [packet[UDP].sport for packet in layers(maker(1, allowed).blocked(NAMELESS, WAY, 12, [80]))]
    assert all(any(port in entry for entry in allowed) for port in ports)
    assert {5000, 5001} & set(ports)


def test_blocked_tcp_has_every_shape() -> None:
    packets = maker().blocked(TELNET, WAY, 48, [])
    whole = [packet for packet in packets if len(packet.frames) == 1]
    assert {str(packet[TCP].flags) for packet in layers(tuple(whole))} == {"S", "A", "F", "R", "", "FPU"}
    assert {bool(packet[TCP].payload) for packet in layers(tuple(whole)) if packet[TCP].flags == "S"} == {True, False}
    assert any(len(packet.frames) > 1 for packet in packets)
    assert any(packet[IP].ihl > 5 for packet in layers(packets))
    assert {bool(packet[IP].flags.DF) for packet in layers(packets)} == {True, False}
    assert len({packet[IP].tos >> 2 for packet in layers(packets)}) > 20
    assert len({packet[IP].ttl for packet in layers(packets)}) > 20


def test_one_allowed_datagram_is_in_fragments() -> None:
    fragmented = [packet for packet in maker().allowed(NAMELESS, WAY, 20) if len(packet.frames) > 1]
    assert len(fragmented) == 1
    assert sum(Ether(frame)[IP].len - 20 for frame in fragmented[0].frames) == MTU + 200 - 20


def test_sizes_are_small_medium_and_as_large_as_the_service_takes() -> None:
    sizes = {packet[IP].len for packet in layers(maker().allowed(ECHO, WAY, 16))}
    assert MTU in sizes
    assert min(sizes) <= 28 + 64
    assert any(28 + 64 < size < MTU for size in sizes)


def test_answers_nobody_asked_for_go_where_no_flow_may() -> None:
    scenario = load(POC).scenario
    made = layers(maker().unasked(scenario, TELNET, WAY))
    tcp = [packet[TCP] for packet in made if TCP in packet and ICMP not in packet]
    assert {(packet.sport, str(packet.flags)) for packet in tcp} >= {(23, "SA"), (80, "SA"), (80, "A"), (5201, "RA")}
    assert not {packet.dport for packet in tcp} & {80, *range(5201, 5300)}
    assert {packet[UDP].sport for packet in made if UDP in packet and ICMP not in packet} == {5201, 9000}
    assert {packet[ICMP].type for packet in made if ICMP in packet} == {0, 3}
