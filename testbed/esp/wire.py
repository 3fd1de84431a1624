"""What a frame on an underlay is: ESP (RFC 4303), ESP or IKE in UDP (RFC 3948), IKE (RFC 7296), or none of these."""

from __future__ import annotations

import struct
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address
from typing import NamedTuple

ETH_IPV4, ETH_ARP, ETH_IPV6 = 0x0800, 0x0806, 0x86DD
_TAGS = frozenset({0x8100, 0x88A8, 0x9100, 0x9200})  # IEEE 802.1Q, 802.1ad, and two that came before it
_MPLS = frozenset({0x8847, 0x8848})
_PPPOE_SESSION, _PPP_IP = 0x8864, (b"\x00\x21", b"\x00\x57")  # RFC 2516, RFC 1332, RFC 5072
_PORTS = struct.Struct("!HH").unpack_from
_LONGEST_802_3, _SNAP = 1500, b"\xaa\xaa\x03"  # RFC 1042
PROTO_UDP, PROTO_ESP = 17, 50
PORT_IKE, PORT_NAT_T = 500, 4500
_NON_ESP_MARKER = bytes(4)
_KEEPALIVE = b"\xff"
_SMALLEST_ESP = 8  # SPI and sequence number
_PLAIN_IPV4 = b"\x08\x00\x45"
"""The EtherType of IPv4, and version and length of a header without options: nearly all that is on a wire."""
_SHORTEST_IPV4 = 20
_FRAGMENT, _LATER_FRAGMENT = 0x3F, 0x1F
"""Bits of octet 6: more fragments and the high part of the offset; that part alone."""


class Kind(StrEnum):
    """What :func:`classify` tells apart; ``OTHER_IP`` is every IP packet that no IPsec gateway has to send."""

    ESP = "esp"
    ESP_IN_UDP = "esp-in-udp"
    IKE = "ike"
    KEEPALIVE = "nat-keepalive"
    ARP = "arp"
    OTHER_IP = "other-ip"
    OTHER = "other"

    __hash__ = str.__hash__  # counting by kind spends half of its time in that of Enum


class EspPacket(NamedTuple):
    """One ESP packet: addresses of its outer IP header, SPI, and all octets from the SPI on."""

    source: str
    destination: str
    spi: int
    octets: bytes
    in_udp: bool


def ipv4_of(frame: bytes) -> bytes | None:
    """Return the IPv4 packet in the Ethernet *frame* without trailing padding, None when there is none."""
    if len(frame) < 34 or (frame[12:15] != _PLAIN_IPV4 and not _has_ipv4_header(frame)):
        return None
    length = frame[16] << 8 | frame[17]
    return frame[14 : 14 + length] if length >= _SHORTEST_IPV4 else None


def _has_ipv4_header(frame: bytes) -> bool:
    """Tell whether *frame* has the EtherType of IPv4 and a header of it that is as long as it says (RFC 791, 3.1)."""
    size = (frame[14] & 0x0F) * 4
    fits = _SHORTEST_IPV4 <= size <= min(int.from_bytes(frame[16:18], "big"), len(frame) - 14)
    return frame[12:14] == b"\x08\x00" and frame[14] >> 4 == 4 and fits


def classify(frame: bytes) -> Kind:
    """Return what the Ethernet *frame* is; a later IP fragment counts as OTHER_IP unless it is reassembled first."""
    if int.from_bytes(frame[12:14], "big") == ETH_ARP:
        return Kind.ARP
    packet = ipv4_of(frame)
    if packet is not None:
        return classify_ipv4(packet)
    return Kind.OTHER_IP if _carries_ip(frame) else Kind.OTHER


def classify_ipv4(packet: bytes) -> Kind:
    """Return what the IPv4 *packet* is, see :func:`classify`."""
    if packet[6] & _LATER_FRAGMENT or packet[7]:
        return Kind.OTHER_IP
    protocol, start = packet[9], (packet[0] & 0x0F) * 4
    if len(packet) < start + 8:
        return Kind.OTHER_IP
    if protocol == PROTO_ESP:
        return Kind.ESP
    if protocol != PROTO_UDP:
        return Kind.OTHER_IP
    ports = _PORTS(packet, start)
    if PORT_NAT_T in ports:
        return _in_nat_t(packet[start + 8 : start + 17])
    return Kind.IKE if PORT_IKE in ports else Kind.OTHER_IP


def is_fragment(packet: bytes) -> bool:
    """Tell whether the IPv4 *packet* is a part of one (RFC 791, 3.2)."""
    return packet[6] & _FRAGMENT != 0 or packet[7] != 0


def esp_of(packet: bytes) -> EspPacket | None:
    """Return the ESP packet that the whole IPv4 *packet* carries, plain or in UDP; None for anything else."""
    kind = classify_ipv4(packet)
    if kind is not Kind.ESP and kind is not Kind.ESP_IN_UDP:
        return None
    octets = packet[_esp_start(packet, kind) :]
    ends = _text(packet[12:16]), _text(packet[16:20])
    return EspPacket(*ends, int.from_bytes(octets[:4], "big"), octets, kind is Kind.ESP_IN_UDP)


def spi_of(packet: bytes, kind: Kind) -> int:
    """Return the SPI in the IPv4 *packet*, which is ESP of *kind*."""
    start = _esp_start(packet, kind)
    return int.from_bytes(packet[start : start + 4], "big")


def _esp_start(packet: bytes, kind: Kind) -> int:
    return (packet[0] & 0x0F) * 4 + (8 if kind is Kind.ESP_IN_UDP else 0)


@lru_cache(maxsize=1024)
def _text(address: bytes) -> str:
    return str(IPv4Address(address))


def payload_of(packet: bytes) -> bytes:
    """Return what follows the header, options included, of the IPv4 *packet*."""
    return packet[(packet[0] & 0x0F) * 4 :]


def _carries_ip(frame: bytes) -> bool:
    """Tell whether IP is in the *frame*, also behind tags, labels or in another frame: no gateway has to send that."""
    place = 12
    while int.from_bytes(frame[place : place + 2], "big") in _TAGS:
        place += 4
    ether_type, body = int.from_bytes(frame[place : place + 2], "big"), frame[place + 2 :]
    if ether_type in _MPLS:  # labels to the bottom of the stack (RFC 3032), then the packet, told by its version
        bottom = next((end for end in range(4, len(body), 4) if body[end - 2] & 1), len(body))
        return body[bottom : bottom + 1][:1] != b"" and body[bottom] >> 4 in (4, 6)
    if ether_type == _PPPOE_SESSION:
        return body[6:8] in _PPP_IP
    if ether_type <= _LONGEST_802_3 and body.startswith(_SNAP):
        ether_type = int.from_bytes(body[6:8], "big")
    return ether_type in (ETH_IPV4, ETH_IPV6)


def _in_nat_t(body: bytes) -> Kind:
    if body[:4] == _NON_ESP_MARKER and len(body) > 4:
        return Kind.IKE
    if body == _KEEPALIVE:
        return Kind.KEEPALIVE
    return Kind.ESP_IN_UDP if len(body) >= _SMALLEST_ESP else Kind.OTHER_IP
