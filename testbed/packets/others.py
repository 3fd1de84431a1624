"""Frames that are neither TCP, UDP nor ICMP of IPv4: other protocols, IPv6, tags and other EtherTypes.

Headers and checksums are right, so that nothing but a rule has a reason to drop them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address
from random import Random

from testbed.packets.probe import IPV4, checksum

IPV6, C_TAG, S_TAG = 0x86DD, 0x8100, 0x88A8
SCTP = 132
_CASTAGNOLI = 0x82F63B78  # the polynomial of CRC32c, reflected


def tagged(frame: bytes, ether_type: int, vlan: int) -> bytes:
    """Return *frame* with a tag of VLAN number *vlan* (IEEE 802.1Q, 9.3)."""
    return frame[:12] + struct.pack("!HH", ether_type, vlan) + frame[12:]


def ip6(source: IPv6Address, destination: IPv6Address, next_header: int, payload: bytes, hop_limit: int = 64) -> bytes:
    """Return an IPv6 packet (RFC 8200, 3); *payload* has its checksum field, where it has one, filled already."""
    header = struct.pack("!IHBB", 6 << 28, len(payload), next_header, hop_limit)
    return header + source.packed + destination.packed + payload


def over_ip6(
    number: int, source: IPv6Address, destination: IPv6Address, ports: tuple[int, int], payload: bytes
) -> bytes:
    """Return what an IPv6 packet carries: a SYN of TCP (6), a datagram of UDP (17) or an echo request (58)."""
    port, other = ports
    length = 8 + len(payload)
    head, place = {
        6: (struct.pack("!HHIIBBHHH", port, other, 0x1000, 0, 0x50, 0x02, 0xFFFF, 0, 0), 16),
        17: (struct.pack("!HHHH", port, other, length, 0), 6),
        58: (struct.pack("!BBHHH", 128, 0, 0, port, 1), 2),
    }[number]
    whole = head + payload
    pseudo = source.packed + destination.packed + struct.pack("!II", len(whole), number)
    return whole[:place] + (checksum(pseudo + whole) or 0xFFFF).to_bytes(2, "big") + whole[place + 2 :]


def sctp(rng: Random, source_port: int, destination_port: int, content: bytes) -> bytes:
    """Return an SCTP packet that opens an association (INIT, RFC 9260, 3.3.2); *content* is its padding (RFC 4820)."""
    padding = struct.pack("!HH", 0x8005, 4 + len(content)) + content
    init = struct.pack("!IIHHI", rng.randrange(1, 1 << 32), 65536, 1, 1, rng.randrange(1 << 32)) + padding
    chunk = struct.pack("!BBH", 1, 0, 4 + len(init)) + init
    ports = struct.pack("!HHI", source_port, destination_port, 0)
    return ports + _crc32c(ports + bytes(4) + chunk).to_bytes(4, "little") + chunk


def gre(_: Random, content: bytes) -> bytes:
    """Return a GRE packet (RFC 2784) that says to carry IPv4."""
    return struct.pack("!HH", 0, IPV4) + content


def esp(rng: Random, content: bytes) -> bytes:
    """Return an ESP packet (RFC 4303) of an association that nobody has."""
    return struct.pack("!II", rng.randrange(256, 1 << 32), 1) + content


def ah(rng: Random, content: bytes) -> bytes:
    """Return an AH packet (RFC 4302), 12 octets of check value, that says to carry UDP."""
    return struct.pack("!BBHII", 17, 4, 0, rng.randrange(256, 1 << 32), 1) + rng.randbytes(12) + content


PORTLESS: Mapping[int, tuple[str, Callable[[Random, bytes], bytes]]] = {
    47: ("GRE", gre),
    50: ("ESP", esp),
    51: ("AH", ah),
}
"""IP protocols without ports, by number: the name, and what makes a packet of them."""


def _crc32c(octets: bytes) -> int:
    crc = 0xFFFFFFFF
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (_CASTAGNOLI if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
