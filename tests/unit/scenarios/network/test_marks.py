"""Frames are known again whatever was changed of their headers, and what was changed is named."""

from __future__ import annotations

import struct
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from scenarios.network.marks import Packet, answers, behind, difference, keys_of, sightings, stopped_others
from scenarios.network.wire import CaptureFile

A, B = "10.1.0.10", "10.2.0.10"
GATEWAY = bytes.fromhex("02000000000b02000000000c")
SYN = (
    Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    / IP(src=A, dst=B, id=7, ttl=60)
    / TCP(sport=1000, dport=23, seq=12345678, flags="S")
)
DATAGRAM = SYN.copy()[Ether].copy()
DATAGRAM[IP].remove_payload()
DATAGRAM = DATAGRAM / UDP(sport=1000, dport=9000) / Raw(b"random data")
SHAPES: dict[str, Any] = {"SYN": SYN, "datagram": DATAGRAM}


def capture(tmp_path: Path, *frames: bytes, name: str = "a") -> CaptureFile:
    records = b"".join(
        struct.pack("<IIII", 1, number, len(frame), len(frame)) + frame for number, frame in enumerate(frames)
    )
    file = tmp_path / f"{name}.pcap"
    file.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + records)
    return CaptureFile(file=file, name=name)


def packet(*frames: Any) -> Packet:
    return Packet(frames=tuple(map(bytes, frames)), what="a packet")


CHANGES: dict[str, Callable[[Any], None]] = {
    "TTL": lambda p: setattr(p[IP], "ttl", 3),
    "DSCP": lambda p: setattr(p[IP], "tos", 8),
    "ports": lambda p: setattr(p[IP].payload, "sport", 5),
    "MAC addresses": lambda p: setattr(p, "src", "02:00:00:00:00:09"),
    "identification": lambda p: setattr(p[IP], "id", 9),
    "fragment fields": lambda p: setattr(p[IP], "flags", "DF"),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_frame_is_known_and_the_change_named(shape: str, name: str, tmp_path: Path) -> None:
    sent, changed = SHAPES[shape], Ether(bytes(SHAPES[shape]))
    CHANGES[name](changed)
    del changed[IP].chksum
    ((seen,),) = sightings(capture(tmp_path, bytes(changed)), [packet(sent)])
    assert [frame.data for frame in seen] == [bytes(changed)]
    assert name in difference(bytes(sent), bytes(changed)).split(", ")


def test_other_frames_are_not_taken_for_it(tmp_path: Path) -> None:
    other = SYN.copy()
    other[TCP].seq = 1
    arp = b"\xff" * 6 + bytes(6) + b"\x08\x06" + bytes(46)
    assert sightings(capture(tmp_path, bytes(other), arp, b"\0"), [packet(SYN)]) == [[[]]]


def test_each_fragment_is_known_by_itself(tmp_path: Path) -> None:
    whole = Ether() / IP(src=A, dst=B) / UDP(sport=1, dport=2) / Raw(bytes(range(256)) * 8)
    parts = fragment(whole, 1376)
    seen = sightings(capture(tmp_path, bytes(parts[1])), [packet(*parts)])
    assert [len(found) for found in seen[0]] == [0, 1]


def test_routers_change_ttl_checksum_and_addresses_alone() -> None:
    expected = behind(bytes(SYN), ("statistics", "ipsec", "ipsec", "statistics"), GATEWAY)
    routed = Ether(bytes(SYN))
    routed[IP].ttl = 58
    routed.dst, routed.src = GATEWAY[:6].hex(":"), GATEWAY[6:].hex(":")
    del routed[IP].chksum
    assert expected == bytes(routed)
    assert behind(bytes(SYN), ("firewall", "statistics"), GATEWAY) == bytes(SYN)


def test_answers_are_of_the_connection_or_quote_it(tmp_path: Path) -> None:
    back = Ether() / IP(src=B, dst=A)
    reset = back / TCP(sport=23, dport=1000, flags="RA")
    error = Ether() / IP(src="10.1.0.1", dst=A) / ICMP(type=3, code=13) / bytes(SYN[IP])
    other = back / TCP(sport=23, dport=1001, flags="RA")
    found = answers(capture(tmp_path, *map(bytes, (reset, error, other, SYN))), keys_of([packet(SYN)]))
    assert [frame.data for frame in found] == [bytes(reset), bytes(error)]


def test_an_error_about_another_connection_answers_no_error(tmp_path: Path) -> None:
    def unreachable(source: str, target: str, port: int) -> Any:
        quoted = bytes(IP(src=target, dst=source) / UDP(sport=port, dport=9) / Raw(bytes(16)))
        return Ether() / IP(src=source, dst=target) / ICMP(type=3, code=3) / Raw(quoted)

    ours, of_others = unreachable(A, B, 1000), unreachable(B, A, 2000)
    assert answers(capture(tmp_path, bytes(of_others)), keys_of([packet(ours)])) == []


def test_frames_that_did_not_pass_are_counted_but_for_ours(tmp_path: Path) -> None:
    lan = capture(tmp_path, bytes(SYN), bytes(DATAGRAM), name="lan")
    wan = capture(tmp_path, bytes(DATAGRAM), name="wan")
    assert stopped_others((lan, wan), []) == 1
    assert stopped_others((lan, wan), [packet(SYN)]) == 0


def test_keys_have_addresses_and_ports() -> None:
    assert keys_of([packet(SYN)]) == {(6, IPv4Address(A).packed, IPv4Address(B).packed, 1000, 23)}
