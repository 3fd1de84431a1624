"""Captured ESP: classified, counted, put together from fragments, and opened with the right keys only."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import ICMP, IP, UDP, IPOption_NOP, fragment
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.layers.l2 import ARP, LLC, SNAP, Dot1Q, Dot3, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.packet import Raw

from testbed.esp import KeyRing, KeysError, Kind, WrongKey, classify, esp_of, open_each
from testbed.esp.open import open_frames
from testbed.esp.packet_counts import count_packets
from testbed.esp.wire import ipv4_of

LEFT, RIGHT, SPI = "198.51.100.1", "198.51.100.2", 0xC1D2E3F4
GCM_KEY = bytes(range(36))
INNER = IP(src="10.1.0.10", dst="10.2.0.10") / UDP(sport=1, dport=2) / Raw(b"canary" * 20)

SUITES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # name: scapy's arguments, the exported entry
    "gcm": (
        {"crypt_algo": "AES-GCM", "crypt_key": GCM_KEY},
        {"encryption": "AES_GCM_16", "encryption_key": GCM_KEY.hex(), "integrity": None, "integrity_key": None},
    ),
    "gcm-with-length": (
        {"crypt_algo": "AES-GCM", "crypt_key": GCM_KEY},
        {"encryption": "AES_GCM_16-256", "encryption_key": GCM_KEY.hex()},
    ),
    "chacha20": (
        {"crypt_algo": "CHACHA20-POLY1305", "crypt_key": GCM_KEY},
        {"encryption": "CHACHA20_POLY1305", "encryption_key": GCM_KEY.hex()},
    ),
    "cbc": (
        {"crypt_algo": "AES-CBC", "crypt_key": bytes(32), "auth_algo": "SHA2-256-128", "auth_key": b"k" * 32},
        {
            "encryption": "AES_CBC_256",
            "encryption_key": bytes(32).hex(),
            "integrity": "HMAC_SHA2_256_128",
            "integrity_key": (b"k" * 32).hex(),
        },
    ),
    "cbc-128, SHA-1": (
        {"crypt_algo": "AES-CBC", "crypt_key": bytes(16), "auth_algo": "HMAC-SHA1-96", "auth_key": b"k" * 20},
        {
            "encryption": "AES_CBC_128",
            "encryption_key": bytes(16).hex(),
            "integrity": "HMAC_SHA1_96",
            "integrity_key": (b"k" * 20).hex(),
        },
    ),
    "cbc, SHA-384": (
        {"crypt_algo": "AES-CBC", "crypt_key": bytes(32), "auth_algo": "SHA2-384-192", "auth_key": b"k" * 48},
        {
            "encryption": "AES_CBC_256",
            "encryption_key": bytes(32).hex(),
            "integrity": "HMAC_SHA2_384_192",
            "integrity_key": (b"k" * 48).hex(),
        },
    ),
    "null": (
        {"crypt_algo": "NULL", "auth_algo": "SHA2-512-256", "auth_key": b"k" * 64},
        {
            "encryption": "NULL",
            "encryption_key": "",
            "integrity": "HMAC_SHA2_512_256",
            "integrity_key": (b"k" * 64).hex(),
        },
    ),
}


def _entry(**fields: Any) -> dict[str, Any]:
    return {"spi": f"{SPI:08x}", "source": LEFT, "destination": RIGHT, **fields}


def _sealed(arguments: dict[str, Any]) -> IP:
    association = SecurityAssociation(ESP, spi=SPI, tunnel_header=IP(src=LEFT, dst=RIGHT), **arguments)
    return association.encrypt(IP(bytes(INNER)))


def _plain_frame(arguments: dict[str, Any]) -> bytes:
    return bytes(Ether() / IP(bytes(_sealed(arguments))))


def _udp_frame(arguments: dict[str, Any]) -> bytes:
    esp = bytes(_sealed(arguments)[ESP])
    return bytes(Ether() / IP(src=LEFT, dst=RIGHT) / UDP(sport=4500, dport=4500, chksum=0) / Raw(esp))


def _ip(*layers: Any) -> bytes:
    packet = Ether() / IP(src=LEFT, dst=RIGHT)
    for layer in layers:
        packet = packet / layer
    return bytes(packet)


FRAMES = {
    Kind.ESP: _plain_frame(SUITES["gcm"][0]),
    Kind.ESP_IN_UDP: _udp_frame(SUITES["gcm"][0]),
    Kind.IKE: _ip(UDP(sport=500, dport=500), Raw(bytes(28))),
    Kind.KEEPALIVE: _ip(UDP(sport=4500, dport=4500), Raw(b"\xff")),
    Kind.ARP: bytes(Ether() / ARP()),
    Kind.OTHER_IP: _ip(UDP(sport=5, dport=6), Raw(b"plain")),
    Kind.OTHER: bytes(Ether(type=0x88CC) / Raw(bytes(40))),
}


@pytest.mark.parametrize("kind", list(FRAMES))
def test_each_kind_of_frame_is_told_apart(kind: Kind) -> None:
    assert classify(FRAMES[kind]) is kind


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (_ip(UDP(sport=4500, dport=4500), Raw(bytes(4) + b"ike message")), Kind.IKE),
        (_ip(UDP(sport=61000, dport=4500), Raw(b"\x01\x02\x03\x04" + bytes(20))), Kind.ESP_IN_UDP),
        (_ip(UDP(sport=4500, dport=4500), Raw(b"xyz")), Kind.OTHER_IP),
        (_ip(ICMP()), Kind.OTHER_IP),
        (bytes(Ether(type=0x86DD) / Raw(bytes(48))), Kind.OTHER_IP),
        (bytes(Ether() / Dot1Q(vlan=7) / IP(src=LEFT, dst=RIGHT) / UDP()), Kind.OTHER_IP),
        (bytes(Ether() / Dot1Q(vlan=0) / IP(bytes(_sealed(SUITES["gcm"][0])))), Kind.OTHER_IP),
        (bytes(Ether(type=0x88A8) / Dot1Q(vlan=7) / Dot1Q(vlan=8) / IP()), Kind.OTHER_IP),
        (bytes(Ether(type=0x9100) / Dot1Q(vlan=7) / Raw(bytes(40))), Kind.OTHER),
        (bytes(Ether() / Dot1Q(vlan=7) / IPv6()), Kind.OTHER_IP),
        (bytes(Ether() / Dot1Q(vlan=7) / ARP()), Kind.OTHER),
        (bytes(Ether() / PPPoE() / PPP() / IP()), Kind.OTHER_IP),
        (bytes(Ether() / Dot1Q(vlan=7) / PPPoE() / PPP() / IPv6()), Kind.OTHER_IP),
        (bytes(Ether(type=0x8847) / MPLS(label=5, s=0) / MPLS(label=6, s=1) / IP()), Kind.OTHER_IP),
        (bytes(Ether(type=0x8847) / MPLS(label=5, s=1)), Kind.OTHER),
        (bytes(Dot3() / LLC() / SNAP() / IP()), Kind.OTHER_IP),
        (bytes(Dot3() / LLC() / Raw(bytes(40))), Kind.OTHER),
        (bytes(Ether())[:14], Kind.OTHER),
        (bytes(Ether(type=0x8100))[:14], Kind.OTHER),
        (bytes(Ether() / IP(src=LEFT, dst=RIGHT, proto=50, len=5) / Raw(bytes(40))), Kind.OTHER_IP),
        (bytes(Ether() / IP(src=LEFT, dst=RIGHT, proto=50, len=0) / Raw(bytes(40))), Kind.OTHER_IP),
        (bytes(Ether() / IP(src=LEFT, dst=RIGHT, proto=50, ihl=4) / Raw(bytes(40))), Kind.OTHER_IP),
        (bytes(Ether() / IP(src=LEFT, dst=RIGHT, proto=50, ihl=15) / Raw(bytes(14))), Kind.OTHER_IP),
        (bytes(Ether(type=0x0800) / IP(src=LEFT, dst=RIGHT, proto=50, version=6) / Raw(bytes(40))), Kind.OTHER_IP),
        (bytes(Ether() / IP(src=LEFT, dst=RIGHT, proto=50, options=[IPOption_NOP()] * 4) / Raw(bytes(40))), Kind.ESP),
        (bytes(Ether() / IP(src=LEFT, dst=RIGHT, proto=50) / Raw(bytes(7))), Kind.OTHER_IP),
    ],
)
def test_what_lies_near_the_border(frame: bytes, kind: Kind) -> None:
    assert classify(frame) is kind


def test_packets_are_counted_by_kind_with_samples_of_what_should_not_be_there() -> None:
    seen = count_packets([*FRAMES.values(), FRAMES[Kind.ESP]])
    assert (seen.esp, seen.ike, seen.arp, seen.other) == (3, 1, 1, 1)
    assert seen.spis == {SPI}
    assert seen.samples == (ipv4_of(FRAMES[Kind.OTHER_IP]),)


@pytest.mark.parametrize("suite", list(SUITES))
@pytest.mark.parametrize("make", [_plain_frame, _udp_frame])
def test_the_right_key_gives_the_packet_that_was_sent(suite: str, make: Any) -> None:
    arguments, exported = SUITES[suite]
    opened = open_frames([make(arguments)], KeyRing({"sas": [_entry(**exported)]}))
    assert opened.packets == (bytes(INNER),)
    assert opened.refused == 0


@pytest.mark.parametrize("suite", list(SUITES))
def test_a_wrong_key_is_refused(suite: str) -> None:
    arguments, exported = SUITES[suite]
    field = "integrity_key" if exported.get("integrity") else "encryption_key"
    wrong = {**exported, field: "ff" + exported[field][2:]}
    ring = KeyRing({"sas": [_entry(**wrong)]})
    packet = esp_of(ipv4_of(_plain_frame(arguments)) or b"")
    assert packet
    with pytest.raises(WrongKey, match="c1d2e3f4"):
        ring.open(packet)
    opened = open_frames([_plain_frame(arguments)], ring)
    assert (opened.packets, opened.refused) == ((), 1)


@pytest.mark.parametrize("suite", list(SUITES))
@pytest.mark.parametrize("size", [0, 1, 7, 8, 15, 16, 17, 31])
def test_what_is_too_short_to_be_sealed_is_refused(size: int, suite: str) -> None:
    """SPI, sequence number, eight octets of vector, and sixteen that prove it authentic."""
    arguments, exported = SUITES[suite]
    packet = esp_of(ipv4_of(_plain_frame(arguments)) or b"")
    assert packet
    with pytest.raises(WrongKey):
        KeyRing({"sas": [_entry(**exported)]}).open(packet._replace(octets=packet.octets[:size]))


def test_packets_are_opened_one_after_the_other() -> None:
    arguments, exported = SUITES["gcm"]
    refused = Counter[str]()
    frames = itertools.cycle([_plain_frame(arguments), FRAMES[Kind.ARP]])
    opened = open_each(frames, KeyRing({"sas": [_entry(**exported)]}), refused)
    assert [next(opened), next(opened)] == [bytes(INNER)] * 2
    assert not refused


@pytest.mark.parametrize("make", [_plain_frame, _udp_frame])
def test_a_packet_that_the_capture_cut_is_told_from_one_with_a_wrong_key(make: Any) -> None:
    arguments, keys = SUITES["gcm"]
    frame = make(arguments)
    opened = open_frames([frame[:64], frame], KeyRing({"sas": [_entry(**keys)]}))
    assert opened.refused == 1
    assert list(opened.reasons) == ["the capture has cut the packet: take a longer snapshot length"]
    assert len(opened.packets) == 1


def test_an_spi_without_a_key_is_counted_with_its_reason() -> None:
    opened = open_frames([FRAMES[Kind.ESP], FRAMES[Kind.ARP]], KeyRing({"sas": []}))
    assert opened.refused == 1
    assert list(opened.reasons) == [f"no key for SPI {SPI:08x} to {RIGHT}"]


def test_an_encrypted_packet_in_fragments_is_put_together_in_any_order() -> None:
    arguments, exported = SUITES["gcm"]
    parts = [bytes(Ether() / part) for part in fragment(IP(bytes(_sealed(arguments))), fragsize=64)]
    assert len(parts) > 2
    opened = open_frames(reversed(parts), KeyRing({"sas": [_entry(**exported)]}))
    assert opened.packets == (bytes(INNER),)
    assert count_packets(parts).counts == {Kind.ESP: 1}
    assert count_packets(parts[:-1]).esp == 1, "a first fragment alone still shows what it belongs to"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "no list 'sas'"),
        ({"sas": [{"spi": "1"}]}, r"sas\[0\]: 'destination' is missing"),
        ({"sas": [_entry(encryption="ROT13", encryption_key="00")]}, "unknown encryption algorithm 'ROT13'"),
        ({"sas": [_entry(encryption="AES_CBC", encryption_key="00" * 16)]}, "without an integrity algorithm"),
        ({"sas": [_entry(encryption="AES_GCM_16", encryption_key="xy")]}, "encryption_key is not hexadecimal"),
        ({"sas": [_entry(encryption="AES_GCM_16", encryption_key="00" * 3)]}, "has 3 octets, not 20"),
    ],
)
def test_keys_that_cannot_be_used_are_named(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(KeysError, match=message):
        KeyRing(keys)
