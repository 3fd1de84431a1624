"""The cases of ``vnfs/contract/firewall-cases.yaml``: what their lines mean as frames, and what must become of them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption, fragment
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_NS, IPv6
from scapy.layers.l2 import ARP
from scapy.packet import Packet, Raw

from common.yaml_reader import read_yaml
from testbed.images.recipes import PROJECT

FILE = PROJECT / "vnfs" / "contract" / "firewall-cases.yaml"
ADDRESSES = {"lan": ("10.1.0.10", "fd00:1::10"), "wan": ("10.2.0.10", "fd00:2::10")}
OTHER = {"lan": "wan", "wan": "lan"}
FIRST_PORT, PORTS = 20000, 50
"""A case has that many ports of its own, so that no connection is one of a case before."""
IP4, IP6, ARP_TYPE = b"\x08\x00", b"\x86\xdd", b"\x08\x06"


@dataclass(frozen=True)
class Sent:
    """Frames without addresses, from *side* to the other (*mac*, its own by default), and what must become of them."""

    line: str
    side: str
    frames: tuple[bytes, ...]
    mac: str | None
    outcome: str

    @property
    def bytes(self) -> int:
        """The IP total lengths of all frames, which have no tags."""
        return sum(len(frame) - len(IP4) for frame in self.frames)

    @property
    def whole_bytes(self) -> int:
        """The IP total length of the packet that the frames, if they are fragments, make: it has one header."""
        header = 4 * (self.frames[0][len(IP4)] & 15)
        return self.bytes - (len(self.frames) - 1) * header


@dataclass(frozen=True)
class Case:
    """The firewall's part of an intent, and packets in their order."""

    name: str
    firewall: dict[str, Any]
    packets: tuple[Sent, ...]

    def passes(self, outcome: str) -> bool:
        """Whether a packet with that outcome comes out on the other side."""
        actions = {rule["id"]: rule["action"] for rule in self.firewall["rules"]}
        actions |= {"default": self.firewall["default"], "established": "allow", "passes": "allow"}
        return bool(actions.get(outcome) == "allow")

    @property
    def has_foreign(self) -> bool:
        """Whether a packet is foreign: which bytes of such frames are counted is the product's choice."""
        return any(sent.outcome == "foreign" for sent in self.packets)

    def counters(self, outcome: str) -> set[str]:
        """What counts a packet with that outcome."""
        others = {"dropped": {"default"}, "foreign": {"foreign", "default"}, "passes": set(), "held": set()}
        found: set[str] = others.get(outcome, {outcome})
        return found


def cases() -> tuple[Case, ...]:
    """All cases of the file."""
    return tuple(_case(number, entry) for number, entry in enumerate(read_yaml(FILE.read_bytes()).data))


def _case(number: int, entry: dict[str, Any]) -> Case:
    unknown = entry.keys() - {"case", "default", "rules", "packets"}
    if unknown:
        raise ValueError(f"{entry['case']}: {unknown}")
    lines = [pair for packet in entry["packets"] for pair in packet.items()]
    firewall = {"default": entry.get("default", "deny"), "rules": entry.get("rules", [])}
    named = {"default", "established", "passes", "dropped", "foreign", "held"}
    unknown = {outcome for _, outcome in lines} - named - {rule["id"] for rule in firewall["rules"]}
    if unknown:
        raise ValueError(f"{entry['case']}: {unknown}")
    packets = tuple(sent(line, outcome, FIRST_PORT + PORTS * number) for line, outcome in lines)
    return Case(entry["case"], firewall, packets)


def sent(line: str, outcome: str, own: int) -> Sent:
    """What *line* says as frames; *own* is the port that `p` stands for. Raises ValueError, KeyError, IndexError."""
    side, *words = line.split()
    options = dict(word.split("=", 1) for word in words if "=" in word)
    plain = [word for word in words if "=" not in word]
    frames = tuple(_frames(side, plain, options, own))
    if options.keys() - {"mac"}:
        raise ValueError(f"{line}: {options}")
    return Sent(line, side, frames, options.get("mac"), outcome)


def _frames(side: str, words: list[str], options: dict[str, str], own: int) -> Iterator[bytes]:
    """What follows the addresses of each frame; takes what it knows out of *options*."""
    tags = [
        struct.pack("!HH", kind, int(options.pop(name)))
        for name, kind in (("svlan", 0x88A8), ("vlan", 0x8100))
        if name in options
    ]
    tag = b"".join(tags)
    if words[0] == "ether":
        yield struct.pack("!H", int(words[1], 16)) + bytes(46)
    elif words[0] == "arp":
        yield tag + ARP_TYPE + bytes(ARP(psrc=ADDRESSES[side][0], pdst=ADDRESSES[OTHER[side]][0]))
    else:
        packet = _packet(side, words, options, own)
        ether_type = IP6 if IPv6 in packet else IP4
        part, only = int(options.pop("fragment", 0)), options.pop("only", None)
        parts = [bytes(one) for one in fragment(packet, part)] if part else [bytes(packet)]
        for one in parts if only is None else [parts[int(only)]]:
            yield tag + ether_type + one


def _packet(side: str, words: list[str], options: dict[str, str], own: int) -> Packet:
    kind, *rest = words
    six = kind in {"udp6", "tcp6", "icmp6", "nd"}
    source = options.pop("source", ADDRESSES[side][six])
    destination = options.pop("destination", ADDRESSES[OTHER[side]][six])
    size, ttl = int(options.pop("size", 0)), int(options.pop("ttl", 255 if kind == "nd" else 64))
    if kind == "error":
        number, code = map(int, rest[0].split("/"))
        inner = IP(bytes(_packet(OTHER[side], rest[1:], {}, own)))
        return IP(src=source, dst=destination, ttl=ttl) / ICMP(type=number, code=code) / inner
    header: Packet = IPv6(src=source, dst=destination, hlim=ttl) if six else IP(
        src=source,
        dst=destination,
        ttl=ttl,
        id=own,
        tos=int(options.pop("tos", 0)),
        proto={"udp": 17, "tcp": 6, "icmp": 1}.get(kind) or int(rest[0]),
        options=[IPOption(bytes.fromhex(options.pop("options")))] if "options" in options else [],
    )  # fmt: skip
    packet = header / _layer(kind, rest, own, destination)
    missing = size - len(packet) if size else 16 if kind not in {"tcp", "tcp6", "nd"} else 0
    if missing < 0:
        raise ValueError(f"{' '.join(words)}: more than {size} octets")
    return type(packet)(
        bytes(packet / Raw(bytes(number % 251 for number in range(missing)))) if missing else bytes(packet)
    )


def _layer(kind: str, rest: list[str], own: int, destination: str) -> Packet:
    if kind == "ip":
        return Raw(bytes([int(rest[0])]) * 8)
    if kind == "icmp":
        return ICMP(type=int(rest[0]), id=own)
    if kind == "icmp6":
        return {128: ICMPv6EchoRequest, 129: ICMPv6EchoReply}[int(rest[0])](id=own)
    if kind == "nd":
        return ICMPv6ND_NS(tgt=destination)
    source, target = (own if port == "p" else int(port) for port in rest[0].split(">"))
    if kind.startswith("udp"):
        return UDP(sport=source, dport=target)
    return TCP(sport=source, dport=target, flags=rest[1] if len(rest) > 1 else "", seq=own, ack=own + 1)
