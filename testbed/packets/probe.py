"""Probe packets: one frame each, built with scapy, told apart by a one-time token in the payload.

scapy takes about 0.4 s to import; it is imported when the first frame is built, or by :func:`warm_up` while
something else is being waited for.
"""

from __future__ import annotations

import importlib
import secrets
from collections.abc import Sequence
from enum import StrEnum
from threading import Thread
from typing import Any, Literal

Kind = Literal["udp", "tcp", "icmp"]
CANARY_BYTES = 32


class Reply(StrEnum):
    """What came back for a TCP SYN (RFC 9293, 3.5)."""

    ACCEPTED = "syn-ack"
    REFUSED = "rst"


def warm_up() -> Thread:
    """Import scapy's layers in a thread, which is returned; building a frame meanwhile simply waits for it."""
    thread = Thread(target=_layers, name="lso-scapy", daemon=True)
    thread.start()
    return thread


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
    tcp_options: Sequence[tuple[str, Any]] = (),
    ip_options: bytes = b"",
) -> bytes:
    """Return one Ethernet frame with an IPv4 packet of *kind* (or of an IP protocol number) that carries *payload*.

    Checksums and lengths are right. A TCP probe is by default a SYN that carries its payload (RFC 9293, 3.4 allows
    data on a SYN), so that it can be told apart at the receiver. Fields that a kind does not have are ignored.
    *identification* and *tcp_sequence* are random unless given; *tcp_options* are those of scapy, *ip_options* octets.
    """
    inet, l2, packet = _layers()
    ip = inet.IP(
        src=source,
        dst=destination,
        ttl=ttl,
        tos=tos,
        flags="DF" if dont_fragment else 0,
        id=secrets.randbits(16) if identification is None else identification,
        options=[inet.IPOption(ip_options)] if ip_options else [],
    )
    above = {
        "udp": lambda: inet.UDP(sport=source_port, dport=destination_port),
        "tcp": lambda: inet.TCP(
            sport=source_port,
            dport=destination_port,
            flags=tcp_flags,
            seq=secrets.randbits(32) if tcp_sequence is None else tcp_sequence,
            ack=tcp_acknowledgement,
            window=65535,
            options=list(tcp_options),
        ),
        "icmp": lambda: inet.ICMP(type=icmp_type, code=icmp_code, id=icmp_id, seq=icmp_sequence),
    }
    if isinstance(kind, int):
        ip.proto = kind
    else:
        ip = ip / above[kind]()
    return bytes(l2.Ether(src=source_mac, dst=destination_mac, type=0x0800) / ip / packet.Raw(payload))


def fragments(frame: bytes, octets: int) -> tuple[bytes, bytes]:
    """Return the IPv4 packet in *frame* in two fragments; the first has *octets*, a multiple of 8 (RFC 791, 3.2)."""
    inet, l2, packet = _layers()

    def part(octets: bytes, offset: int, flags: str | int) -> bytes:
        whole = l2.Ether(frame)
        ip = whole[inet.IP]
        ip.remove_payload()
        ip.frag, ip.flags, ip.len, ip.chksum = offset // 8, flags, None, None
        return bytes(whole / packet.Raw(octets))

    body = bytes(l2.Ether(frame)[inet.IP].payload)
    return part(body[:octets], 0, "MF"), part(body[octets:], octets, 0)


def tcp_reply(sent: bytes, frame: bytes) -> Reply | None:
    """Return what *frame* answers to the SYN probe *sent*, None when it is no answer to it."""
    inet, l2, _ = _layers()
    question, answer = l2.Ether(sent), l2.Ether(frame)
    if inet.TCP not in answer:
        return None
    if (answer[inet.IP].src, answer[inet.IP].dst) != (question[inet.IP].dst, question[inet.IP].src):
        return None
    if (answer[inet.TCP].sport, answer[inet.TCP].dport) != (question[inet.TCP].dport, question[inet.TCP].sport):
        return None
    if answer[inet.TCP].flags.R:
        return Reply.REFUSED
    return Reply.ACCEPTED if answer[inet.TCP].flags == "SA" else None


def _layers() -> tuple[Any, Any, Any]:
    inet, l2, packet = (importlib.import_module(f"scapy.{name}") for name in ("layers.inet", "layers.l2", "packet"))
    return inet, l2, packet
