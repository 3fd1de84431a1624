"""All 65,536 ports, all protocols, all EtherTypes: nothing passes but by a rule, and every packet is counted once."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from scapy.layers.inet import IP, TCP, UDP
from scapy.packet import Raw

from lso.checking.judged import judged
from lso.vnf.firewall.cases import ADDRESSES, IP4, OTHER
from lso.vnf.firewall.wire import BYTES, Totals, Wire
from lso.vnf.firewall.wire_table import wire
from lso.vnf.rig import Rig
from lso.vnf.session import Session
from reports.model import Check

PORTS = 1 << 16
LOWEST = 1024
"""Of the ports that are drawn: no case of the table has them in mind."""
BATCH = 256
KNOWN_TYPES = (0x0800, 0x0806, 0x86DD)
FIRST_TYPE = 0x0600  # IEEE 802.3: below is a length
_NAMED = 5


@dataclass(frozen=True)
class Sweep:
    """Frames from *side*, *frame(number)* for each of *numbers*; only *allowed* may pass."""

    what: str
    side: str
    numbers: tuple[int, ...]
    frame: Callable[[int], bytes]
    number: Callable[[bytes], int]
    allowed: frozenset[int] = frozenset()


def run(session: Session) -> Iterator[Check]:
    """Allow one port of TCP and one of UDP, drawn by lot, and send everything."""
    draw = random.Random(session.seed)  # noqa: S311  (a lot to be drawn again, no secret)
    tcp, udp = draw.sample(range(LOWEST, PORTS), 2)
    rules = [
        {"id": name, "action": "allow", "direction": "lan-to-wan", "protocol": name, "destination_ports": [str(port)]}
        for name, port in (("tcp", tcp), ("udp", udp))
    ]
    with wire(session) as (rig, through):
        through.make({"default": "deny", "rules": rules})
        for sweep in _sweeps(tcp, udp):
            yield from _judge(rig, through, sweep)


def _sweeps(tcp: int, udp: int) -> Iterator[Sweep]:
    """The WAN's come first: what passes from the LAN opens a connection, whose answers may pass."""
    every = tuple(range(PORTS))
    for side in ("wan", "lan"):
        ways = f"from the {side.upper()} to the {OTHER[side].upper()}"
        for name, allowed in (("TCP", tcp), ("UDP", udp)):
            passing = frozenset({allowed} if side == "lan" else ())
            yield Sweep(f"{name} ports {ways}", side, every, _segments(name, side), _port, passing)
        protocols = tuple(number for number in range(256) if number not in {6, 17})
        yield Sweep(f"IP protocols {ways}", side, protocols, _protocols(side), lambda frame: frame[23])
        types = tuple(number for number in range(FIRST_TYPE, PORTS) if number not in KNOWN_TYPES)
        yield Sweep(f"EtherTypes {ways}", side, types, _ether, _ether_type)


def _judge(rig: Rig, through: Wire, sweep: Sweep) -> Iterator[Check]:
    before, received = through.count(), _received(rig, sweep.side)
    addresses = through.between_hosts(sweep.side)
    came: set[int] = set()
    for start in range(0, len(sweep.numbers), BATCH):
        part = sweep.numbers[start : start + BATCH]
        wanted = len(sweep.allowed.intersection(part))
        out = through.pass_through(sweep.side, [addresses + sweep.frame(number) for number in part], wanted)
        came |= {sweep.number(frame) for frame in out}
    expected = "only " + _list(sweep.allowed) if sweep.allowed else "none passes"
    yield judged(sweep.what, came == sweep.allowed, expected, _list(came) + (" passes" if len(came) == 1 else " pass"))
    # The ARP requests between are in no counter. What the machine itself lost on the way in was never seen.
    arrived = _received(rig, sweep.side) - received - -(-len(sweep.numbers) // BATCH)
    grown = _grown(before, through.count())
    yield judged(f"{sweep.what}: counted", grown == arrived, f"{arrived} packets", f"{grown} packets")


def _grown(before: Totals, after: Totals) -> int:
    """All packets that were counted; `foreign` is in `default` already."""
    return sum(
        count - before.get(name, 0) for name, count in after.items() if name != "foreign" and not name.endswith(BYTES)
    )


def _received(rig: Rig, side: str) -> int:
    """The frames that the firewall's port has received."""
    links = json.loads(rig.vnf.namespace.run(["ip", "-json", "-statistics", "link", "show"]).stdout)
    (link,) = [
        link for link in links if link.get("address") == rig.ports[side].mac and link.get("link_netnsid") is not None
    ]
    received = link["stats64"]["rx"]
    return int(received["packets"]) - int(received["dropped"])


def _segments(protocol: str, side: str) -> Callable[[int], bytes]:
    """An IPv4 packet whose source and destination ports are both the given one, with a correct checksum."""
    source, destination = ADDRESSES[side][0], ADDRESSES[OTHER[side]][0]
    header = TCP(sport=0, dport=0, flags="S", seq=7) if protocol == "TCP" else UDP(sport=0, dport=0) / Raw(bytes(8))
    packet = bytes(IP(src=source, dst=destination) / header)
    at = 20 + (16 if protocol == "TCP" else 6)
    (base,) = struct.unpack_from("!H", packet, at)

    def frame(port: int) -> bytes:
        made = bytearray(packet)
        total = (~base & 0xFFFF) + 2 * port
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        struct.pack_into("!HH", made, 20, port, port)
        struct.pack_into("!H", made, at, (~total & 0xFFFF) or 0xFFFF)
        return IP4 + bytes(made)

    return frame


def _protocols(side: str) -> Callable[[int], bytes]:
    source, destination = ADDRESSES[side][0], ADDRESSES[OTHER[side]][0]
    return lambda number: IP4 + bytes(IP(src=source, dst=destination, proto=number) / Raw(bytes(16)))


def _ether(number: int) -> bytes:
    return struct.pack("!H", number) + bytes(46)


def _ether_type(frame: bytes) -> int:
    return int.from_bytes(frame[12:14], "big")


def _port(frame: bytes) -> int:
    return int.from_bytes(frame[36:38], "big")


def _list(numbers: frozenset[int] | set[int]) -> str:
    more = f" and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else ""
    return ", ".join(str(number) for number in sorted(numbers)[:_NAMED]) + more or "none"
