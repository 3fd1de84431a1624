"""Kinds of Ethernet frames, by what a switch, a router or an attacker may put behind the addresses.

``CARRIED`` are untagged IPv4, IPv6 and ARP; ``FOREIGN`` is everything else, most of it with IP inside. A frame here is
what follows the two addresses, and ends with the canary.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6ND_NS, IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import ARP
from scapy.packet import Packet, Raw

LAN, WAN = "10.1.0.10", "10.1.0.20"
LAN6, WAN6 = "fd00:1::1", "fd00:2::1"
STP, LLDP = "01:80:c2:00:00:00", "01:80:c2:00:00:0e"
BROADCAST, MULTICAST = "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:05"
Build = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Kind:
    """``build`` makes what follows the addresses; ``to`` is the destination, the receiver itself by default."""

    name: str
    build: Build
    to: str | None = None


def typed(ether_type: int, packet: Packet | bytes = b"") -> Build:
    """An EtherType and the packet."""
    return lambda canary: struct.pack("!H", ether_type) + bytes(packet) + canary


def ip(packet: Packet) -> Build:
    """Untagged IP or ARP, with lengths that include the canary."""
    types = {IP: 0x0800, IPv6: 0x86DD, ARP: 0x0806}
    return lambda canary: struct.pack("!H", types[type(packet)]) + bytes(packet / Raw(canary))


def tag(inside: Build, *stack: tuple[int, int]) -> Build:
    """The frame behind tags, outermost first, each with its EtherType and its 16 bits of priority, DEI and VLAN."""
    return lambda canary: b"".join(struct.pack("!HH", *one) for one in stack) + inside(canary)


def pppoe(inside: Build, protocol: int) -> Build:
    """A PPPoE session packet (RFC 2516)."""

    def build(canary: bytes) -> bytes:
        payload = struct.pack("!H", protocol) + inside(canary)[2:]
        return struct.pack("!HBBHH", 0x8864, 0x11, 0, 1, len(payload)) + payload

    return build


def llc(header: bytes, inside: Build | None = None) -> Build:
    """An IEEE 802.3 frame with a length, the LLC header and, where given, EtherType and packet (SNAP)."""

    def build(canary: bytes) -> bytes:
        payload = header + (inside(canary) if inside else canary)
        return struct.pack("!H", len(payload)) + payload

    return build


UDP4 = ip(IP(src=LAN, dst=WAN) / UDP(sport=9, dport=7777))
TCP4 = ip(IP(src=LAN, dst=WAN) / TCP(sport=9, dport=80, flags="S"))
FIRST = ip(IP(src=LAN, dst=WAN, flags="MF", id=7) / UDP(sport=9, dport=7777, len=1000))
LATER = ip(IP(src=LAN, dst=WAN, frag=6, id=7, proto=17))
UDP6 = ip(IPv6(src=LAN6, dst=WAN6) / UDP(sport=9, dport=7777))
TCP6 = ip(IPv6(src=LAN6, dst=WAN6) / TCP(sport=9, dport=80, flags="S"))
FRAGMENT6 = ip(IPv6(src=LAN6, dst=WAN6) / IPv6ExtHdrFragment(offset=6, id=7, nh=17))
NEIGHBOUR6 = ip(IPv6(src=LAN6, dst=WAN6, hlim=255) / ICMPv6ND_NS(tgt=WAN6))
ARP4 = ip(ARP(psrc=LAN, pdst=WAN))
C, S = 0x8100, 0x88A8

CARRIED = (
    Kind("IPv4 UDP", UDP4),
    Kind("IPv4 TCP", TCP4),
    Kind("IPv4 first fragment", FIRST),
    Kind("IPv4 later fragment", LATER),
    Kind("IPv4 broadcast", UDP4, BROADCAST),
    Kind("IPv6 UDP", UDP6),
    Kind("IPv6 TCP", TCP6),
    Kind("IPv6 fragment", FRAGMENT6),
    Kind("IPv6 neighbour solicitation", NEIGHBOUR6),
    Kind("ARP", ARP4, BROADCAST),
)

TAGGED = (
    *(Kind(f"VLAN {vlan}, {what}", tag(inside, (C, vlan)))
      for vlan in (0, 1, 7, 4094, 4095)
      for what, inside in (("IPv4", UDP4), ("IPv6", UDP6), ("ARP", ARP4))),
    Kind("VLAN 7, TCP", tag(TCP4, (C, 7))),
    Kind("VLAN 7, first fragment", tag(FIRST, (C, 7))),
    Kind("VLAN 7, later fragment", tag(LATER, (C, 7))),
    Kind("VLAN 7, IPv6 fragment", tag(FRAGMENT6, (C, 7))),
    Kind("VLAN 7, neighbour solicitation", tag(NEIGHBOUR6, (C, 7))),
    Kind("VLAN 7, broadcast", tag(UDP4, (C, 7)), BROADCAST),
    Kind("VLAN 7, multicast", tag(UDP4, (C, 7)), MULTICAST),
    Kind("VLAN 7, priority 7 and DEI", tag(UDP4, (C, 0xF007))),
    Kind("VLAN 0, priority 7 and DEI", tag(UDP4, (C, 0xF000))),
    Kind("VLAN 7, unknown type", tag(typed(0x88B5), (C, 7))),
    Kind("VLAN 7, LLC and SNAP", tag(llc(b"\xaa\xaa\x03\0\0\0", UDP4), (C, 7))),
    Kind("VLAN 7, PPPoE", tag(pppoe(UDP4, 0x0021), (C, 7))),
    Kind("VLAN 7, MPLS", tag(typed(0x8847, b"\x00\x01\x01\x40"), (C, 7))),
    Kind("VLAN 7, as long as can be", tag(ip(IP(src=LAN, dst=WAN) / UDP(sport=9, dport=7) / Raw(bytes(1436))), (C, 7))),
    *(Kind(f"802.1ad {vlan}, {what}", tag(inside, (S, vlan)))
      for vlan in (0, 7, 4095)
      for what, inside in (("IPv4", UDP4), ("IPv6", UDP6), ("ARP", ARP4))),
    *(Kind(f"tag {ether_type:#06x}, IPv4", tag(UDP4, (ether_type, 7))) for ether_type in (0x9100, 0x9200, 0x9300)),
    *(Kind(f"tags {outer[0]:#06x} {outer[1]}, {inner[0]:#06x} {inner[1]}, {what}", tag(inside, outer, inner))
      for outer in ((C, 0), (C, 7), (S, 7))
      for inner in ((C, 0), (C, 8), (S, 8))
      for what, inside in (("IPv4", UDP4), ("ARP", ARP4))),
    Kind("three tags", tag(UDP4, (S, 7), (C, 8), (C, 9))),
    Kind("eight tags", tag(UDP4, *((C, number) for number in range(8)))),
)  # fmt: skip

FOREIGN = (
    *TAGGED,
    Kind("PPPoE discovery", typed(0x8863, b"\x11\x09\0\0\0\0")),
    Kind("PPPoE, IPv4", pppoe(UDP4, 0x0021)),
    Kind("PPPoE, IPv6", pppoe(UDP6, 0x0057)),
    Kind("MPLS, IPv4", lambda canary: typed(0x8847, b"\x00\x01\x01\x40")(UDP4(canary)[2:])),
    Kind("MPLS multicast", typed(0x8848, b"\x00\x01\x01\x40")),
    Kind("LLC", llc(b"\x42\x42\x03")),
    Kind("LLC, IPv4 (SAP 6)", lambda canary: llc(b"\x06\x06\x03")(UDP4(canary)[2:])),
    Kind("SNAP, IPv4", llc(b"\xaa\xaa\x03\0\0\0", UDP4)),
    Kind("SNAP, IPv6", llc(b"\xaa\xaa\x03\0\0\0", UDP6)),
    Kind("SNAP, ARP", llc(b"\xaa\xaa\x03\0\0\0", ARP4)),
    Kind("SNAP of IEEE 802.1H, IPv4", llc(b"\xaa\xaa\x03\0\0\xf8", UDP4)),
    Kind("SNAP of a vendor", llc(b"\xaa\xaa\x03\0\0\x0c\x20\0")),
    Kind("raw IEEE 802.3", llc(b"\xff\xff")),
    Kind("spanning tree", llc(b"\x42\x42\x03"), STP),
    Kind("LLDP", typed(0x88CC), LLDP),
    Kind("IPv4 to a group of IEEE 802.1D", UDP4, LLDP),
    Kind("EAPOL", typed(0x888E), "01:80:c2:00:00:03"),
    *(Kind(f"EtherType {number:#06x}", typed(number))
      for number in (0x0000, 0x05FF, 0x0600, 0x0801, 0x0807, 0x0842, 0x22F0, 0x22F3, 0x4305, 0x6558, 0x8035, 0x80F3,
                     0x8137, 0x86DC, 0x8809, 0x8870, 0x888E, 0x8892, 0x88B5, 0x88CC, 0x88E5, 0x88E7, 0x88F7, 0x892F,
                     0x894F, 0x9000, 0xFFFF)),
)  # fmt: skip
