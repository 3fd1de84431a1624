"""Probe packets: one frame each, built octet by octet, told apart by a one-time token in the payload."""

from __future__ import annotations

import secrets
import struct
from collections.abc import Mapping, Sequence
from enum import StrEnum
from ipaddress import IPv4Address
from typing import Literal

Kind = Literal["udp", "tcp", "icmp"]
CANARY_BYTES = 32
ICMP, TCP, UDP = 1, 6, 17
IPV4 = 0x0800
WINDOW = 65535
_NUMBERS: Mapping[Kind, int] = {"icmp": ICMP, "tcp": TCP, "udp": UDP}
_DONT_FRAGMENT, _MORE_FRAGMENTS = 0x4000, 0x2000
_FLAGS = "FSRPAUEC"  # of TCP, from the lowest bit on
_ICMP_FIELDS = {13: 12, 14: 12, 17: 4, 18: 4}
"""Octets of times and of the mask that messages of these types have behind their sequence number (RFC 792, RFC 950)."""
_TCP_OPTIONS = {  # kind and form of what follows its length (RFC 9293, 3.2; RFC 2018; RFC 7323)
    "MSS": (2, "!H"),
    "WScale": (3, "!B"),
    "SAckOK": (4, "!"),
    "Timestamp": (8, "!II"),
}


class Reply(StrEnum):
    """What came back for a TCP SYN (RFC 9293, 3.5)."""

    ACCEPTED = "syn-ack"
    REFUSED = "rst"


def canary(size: int = CANARY_BYTES) -> bytes:
    """Return *size* random bytes that appear on no wire unless somebody sends them; use each only once."""
    return secrets.token_bytes(size)


def probe(
    kind: Kind | int,
    *,
    source_mac: str,
    destination_mac: str,
    source: str,
    destination: str,
    source_port: int = 40000,
    destination_port: int = 9,
    payload: bytes = b"",
    icmp_type: int = 8,
    icmp_code: int = 0,
    icmp_id: int = 1,
    icmp_sequence: int = 1,
    tcp_flags: str = "S",
    ttl: int = 64,
    tos: int = 0,
    dont_fragment: bool = False,
    identification: int | None = None,
    tcp_sequence: int | None = None,
    tcp_acknowledgement: int = 0,
    tcp_options: Sequence[tuple[str, tuple[int, ...]]] = (),
    ip_options: bytes = b"",
) -> bytes:
    """Return one Ethernet frame with an IPv4 packet of *kind* (or of an IP protocol number) that carries *payload*.

    Checksums and lengths are right. A TCP probe is by default a SYN that carries its payload (RFC 9293, 3.4 allows
    data on a SYN), so that it can be told apart at the receiver. Fields that a kind does not have are ignored.
    *identification* and *tcp_sequence* are random unless given. *tcp_options* are ``MSS``, ``WScale``, ``SAckOK`` and
    ``Timestamp`` with their numbers; *ip_options* are octets.
    """
    ends = IPv4Address(source).packed + IPv4Address(destination).packed
    number = kind if isinstance(kind, int) else _NUMBERS[kind]
    if kind == "udp":
        head, place = struct.pack("!HHHH", source_port, destination_port, 8 + len(payload), 0), 6
    elif kind == "tcp":
        sequence = secrets.randbits(32) if tcp_sequence is None else tcp_sequence
        ports = struct.pack("!HHII", source_port, destination_port, sequence, tcp_acknowledgement)
        head, place = ports + _tcp_rest(tcp_flags, tcp_options), 16
    elif kind == "icmp":
        more = bytes(_ICMP_FIELDS.get(icmp_type, 0))
        head, place = struct.pack("!BBHHH", icmp_type, icmp_code, 0, icmp_id, icmp_sequence) + more, 2
    else:
        head, place = b"", None
    body = head + payload
    if place:
        pseudo = b"" if kind == "icmp" else ends + struct.pack("!HH", number, len(body))
        body = body[:place] + _checksum_field(kind, pseudo + body) + body[place + 2 :]
    identification = secrets.randbits(16) if identification is None else identification
    header = _ip4(ends, number, len(body), identification, _DONT_FRAGMENT * dont_fragment, ttl, tos, ip_options)
    return ethernet(source_mac, destination_mac, IPV4, header + body)


def ethernet(source_mac: str, destination_mac: str, ether_type: int, payload: bytes) -> bytes:
    """Return the frame with *payload* behind its EtherType."""
    return bytes.fromhex((destination_mac + source_mac).replace(":", "")) + ether_type.to_bytes(2, "big") + payload


def checksum(octets: bytes) -> int:
    """Return the Internet checksum of *octets* (RFC 1071)."""
    octets += b"\0" * (len(octets) % 2)
    total: int = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def fragments(frame: bytes, octets: int) -> tuple[bytes, bytes]:
    """Return the IPv4 packet in *frame* in two fragments; the first has *octets*, a multiple of 8 (RFC 791, 3.2)."""
    start = 14 + (frame[14] & 0x0F) * 4
    body = frame[start:]

    def part(octets: bytes, field: int) -> bytes:
        header = bytearray(frame[14:start])
        header[2:4] = (len(header) + len(octets)).to_bytes(2, "big")
        header[6:8] = field.to_bytes(2, "big")
        return frame[:14] + _summed(header) + octets

    return part(body[:octets], _MORE_FRAGMENTS), part(body[octets:], octets // 8)


def tcp_reply(sent: bytes, frame: bytes) -> Reply | None:
    """Return what *frame* answers to the SYN probe *sent*, None when it is no answer to it; neither has IP options."""
    if frame[12:15] != b"\x08\x00\x45" or len(frame) < 54 or frame[23] != TCP:
        return None
    if (frame[26:30], frame[30:34]) != (sent[30:34], sent[26:30]):
        return None
    if (frame[34:36], frame[36:38]) != (sent[36:38], sent[34:36]):
        return None
    flags = {flag for number, flag in enumerate(_FLAGS) if frame[47] >> number & 1}
    if "R" in flags:
        return Reply.REFUSED
    return Reply.ACCEPTED if flags == {"S", "A"} else None


def _ip4(
    ends: bytes, number: int, octets: int, identification: int, field: int, ttl: int, tos: int, options: bytes
) -> bytes:
    options = _padded(options)
    length = 20 + len(options)
    start = struct.pack("!BBHHHBBH", 0x40 | length // 4, tos, length + octets, identification, field, ttl, number, 0)
    return _summed(bytearray(start + ends + options))


def _summed(header: bytearray) -> bytes:
    """Return an IPv4 *header* with its checksum."""
    header[10:12] = bytes(2)
    header[10:12] = checksum(bytes(header)).to_bytes(2, "big")
    return bytes(header)


def _checksum_field(kind: Kind | int, octets: bytes) -> bytes:
    """Return the checksum as it is sent: UDP has none where it is zero (RFC 768)."""
    value = checksum(octets)
    return (0xFFFF if kind == "udp" and not value else value).to_bytes(2, "big")


def _tcp_rest(flags: str, options: Sequence[tuple[str, tuple[int, ...]]]) -> bytes:
    """Return what follows the numbers in a TCP header; its checksum is zero."""
    octets = _padded(b"".join(_tcp_option(*option) for option in options))
    bits = sum(1 << _FLAGS.index(flag) for flag in flags)
    return struct.pack("!BBHHH", 5 + len(octets) // 4 << 4, bits, WINDOW, 0, 0) + octets


def _tcp_option(name: str, numbers: tuple[int, ...]) -> bytes:
    kind, form = _TCP_OPTIONS[name]
    return struct.pack("!BB", kind, 2 + struct.calcsize(form)) + struct.pack(form, *numbers)


def _padded(options: bytes) -> bytes:
    return options + b"\0" * (-len(options) % 4)
