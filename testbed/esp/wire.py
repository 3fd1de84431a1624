"""What a frame on an underlay is: ESP (RFC 4303), ESP or IKE in UDP (RFC 3948), IKE (RFC 7296), or none of these."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address

ETH_IPV4, ETH_ARP, ETH_IPV6 = 0x0800, 0x0806, 0x86DD
PROTO_UDP, PROTO_ESP = 17, 50
PORT_IKE, PORT_NAT_T = 500, 4500
_NON_ESP_MARKER = bytes(4)
_KEEPALIVE = b"\xff"
_SMALLEST_ESP = 8  # SPI and sequence number


class Kind(StrEnum):
    """What :func:`classify` tells apart; ``OTHER_IP`` is every IP packet that no IPsec gateway has to send."""

    ESP = "esp"
    ESP_IN_UDP = "esp-in-udp"
    IKE = "ike"
    KEEPALIVE = "nat-keepalive"
    ARP = "arp"
    OTHER_IP = "other-ip"
    OTHER = "other"


@dataclass(frozen=True)
class EspPacket:
    """One ESP packet: addresses of its outer IP header, SPI, and all octets from the SPI on."""

    source: str
    destination: str
    spi: int
    octets: bytes
    in_udp: bool


def ipv4_of(frame: bytes) -> bytes | None:
    """Return the IPv4 packet in the Ethernet *frame* without trailing padding, None when there is none."""
    if len(frame) < 34 or int.from_bytes(frame[12:14], "big") != ETH_IPV4:
        return None
    length = int.from_bytes(frame[16:18], "big")
    return frame[14 : 14 + length]


def classify(frame: bytes) -> Kind:
    """Return what the Ethernet *frame* is; a later IP fragment counts as OTHER_IP unless it is reassembled first."""
    ether_type = int.from_bytes(frame[12:14], "big")
    if ether_type == ETH_ARP:
        return Kind.ARP
    if ether_type == ETH_IPV6:
        return Kind.OTHER_IP
    packet = ipv4_of(frame)
    return classify_ipv4(packet) if packet else Kind.OTHER


def classify_ipv4(packet: bytes) -> Kind:
    """Return what the IPv4 *packet* is, see :func:`classify`."""
    if _is_later_fragment(packet):
        return Kind.OTHER_IP
    protocol, body = packet[9], payload_of(packet)
    if protocol == PROTO_ESP and len(body) >= _SMALLEST_ESP:
        return Kind.ESP
    if protocol != PROTO_UDP or len(body) < 8:
        return Kind.OTHER_IP
    ports = set(struct.unpack_from("!HH", body))
    if PORT_NAT_T in ports:
        return _in_nat_t(body[8:])
    return Kind.IKE if PORT_IKE in ports else Kind.OTHER_IP


def esp_of(packet: bytes) -> EspPacket | None:
    """Return the ESP packet that the whole IPv4 *packet* carries, plain or in UDP; None for anything else."""
    kind = classify_ipv4(packet)
    if kind not in (Kind.ESP, Kind.ESP_IN_UDP):
        return None
    in_udp = kind is Kind.ESP_IN_UDP
    octets = payload_of(packet)[8 if in_udp else 0 :]
    source, destination = str(IPv4Address(packet[12:16])), str(IPv4Address(packet[16:20]))
    return EspPacket(source, destination, int.from_bytes(octets[:4], "big"), octets, in_udp)


def payload_of(packet: bytes) -> bytes:
    """Return what follows the header, options included, of the IPv4 *packet*."""
    return packet[(packet[0] & 0x0F) * 4 :]


def _is_later_fragment(packet: bytes) -> bool:
    return int.from_bytes(packet[6:8], "big") & 0x1FFF != 0


def _in_nat_t(body: bytes) -> Kind:
    if body[:4] == _NON_ESP_MARKER and len(body) > 4:
        return Kind.IKE
    if body == _KEEPALIVE:
        return Kind.KEEPALIVE
    return Kind.ESP_IN_UDP if len(body) >= _SMALLEST_ESP else Kind.OTHER_IP
