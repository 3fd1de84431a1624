"""Generated traffic of many shapes, and whether the status tells exactly what crossed."""

from __future__ import annotations

import contextlib
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet, Raw

from lso.checking.judged import judged
from lso.vnf.faults import ProductFault
from lso.vnf.firewall.cases import ADDRESSES, ARP_TYPE, IP4, IP6, OTHER
from lso.vnf.firewall.wire import Wire
from lso.vnf.rig import Rig
from lso.vnf.session import Session
from reports.model import Check
from testbed.polling import poll

WAYS = {"lan": "lan-to-wan", "wan": "wan-to-lan"}
COUNTING_SECONDS = 5.0
PACKETS = 400
FIRST_PORT = 20000
FLOWS = 16
"""Of the drawn packets; small enough for any table."""
TABLE, MANY = 8, 20
SEGMENTS = 21
Counts = Counter[str]


@dataclass(frozen=True)
class Sent:
    """A frame without addresses, whether it has to cross, and what it adds to which number of the status."""

    side: str
    frame: bytes
    crosses: bool
    counts: Mapping[str, int]


def run(session: Session) -> Iterator[Check]:
    """Send packets both ways; compare every number of the status with what was sent."""
    rig = session.rig
    draw = random.Random(session.seed)  # noqa: S311  (a lot to be drawn again, no secret)
    with _wire(rig) as wire:
        yield from _exact(rig, wire, "packets drawn by lot", _drawn(draw))
        for name, sent in _shapes():
            yield from _exact(rig, wire, name, sent)
        before = numbers(rig.status())
        rig.applied(rig.intent({**session.kind.config, "flow_table_size": TABLE}))
        after = numbers(rig.status())
        kept = {name: count for name, count in before.items() if not name.startswith("flow ")}
        same = all(after[name] == count for name, count in kept.items())
        yield judged(
            "totals after a change of the flow table", same, "as before", _differences(kept, after) or "as before"
        )
        yield from _exact(rig, wire, "more flows than the table holds", _many(), flows=False)
        state = rig.status()
        held, untracked = len(state["flows"]), state["untracked"]["packets"]
        told = f"{held} flows and {untracked} packets without"
        fits = held <= TABLE and held + untracked == MANY
        yield judged("a full flow table", fits, f"at most {TABLE} flows, all {MANY} packets told", told)
        yield from _super_packet(rig, wire)
        yield from _metrics(rig)
    session.drop()


@contextlib.contextmanager
def _wire(rig: Rig) -> Iterator[Wire]:
    with Wire.between(rig.hosts, lambda _: None, rig.status) as wire:
        yield wire


def _exact(rig: Rig, wire: Wire, name: str, sent: list[Sent], flows: bool = True) -> Iterator[Check]:
    before = numbers(rig.status())
    wanted: Counts = Counter()
    for side, way in WAYS.items():
        mine = [one for one in sent if one.side == side]
        if not mine:
            continue
        addresses = wire.between_hosts(side)
        frames = [addresses + one.frame for one in mine]
        crossing = [frame for frame, one in zip(frames, mine, strict=True) if one.crosses]
        came = wire.pass_through(side, frames, len(crossing))
        told = f"{len(came)} of {len(crossing)}" if len(came) != len(crossing) else "others, or changed ones"
        same = sorted(map(_unpadded, came)) == sorted(map(_unpadded, crossing))
        yield judged(
            f"{name}, from the {side.upper()}: what crosses", same, f"{len(crossing)} frames as they were", told
        )
        for one in mine:
            wanted.update(one.counts)
        wanted[f"other {way}"] += 1  # the ARP request behind them

    def off() -> str:
        after = numbers(rig.status())
        grown = Counter({key: after[key] - before[key] for key in {*after, *before, *wanted}})
        keys = {key for key in {*grown, *wanted} if flows or not key.startswith("flow ")} - {"untracked packets"}
        return "; ".join(f"{key}: {grown[key]}, not {wanted[key]}" for key in sorted(keys) if grown[key] != wanted[key])

    poll(lambda: not off(), COUNTING_SECONDS, 0.1)
    wrong = off()
    yield judged(f"{name}: counted", not wrong, "every number as sent", wrong[:400] or "every number as sent")


def _unpadded(frame: bytes) -> bytes:
    """Without Ethernet padding, which may be cut off on the way."""
    return frame[: 14 + int.from_bytes(frame[16:18], "big")] if frame[12:14] == IP4 else frame


def numbers(state: Mapping[str, Any]) -> Counts:
    """The numbers of a status by name, such as ``lan-to-wan packets``; raises ProductFault when it has another form."""
    found: Counts = Counter()
    try:
        for way, count in state["directions"].items():
            _put(found, way, count)
        for one in state["protocols"]:
            _put(found, f"{one['protocol']} {one['direction']}", one)
        for one in state["flows"]:
            ports = one["source_port"], one["destination_port"]
            _put(found, flow(one["direction"], one["source"], one["destination"], one["protocol"], ports), one)
        for way, count in (state.get("other") or {}).items():
            found[f"other {way}"] += count if isinstance(count, int) else count["packets"]
        foreign = state.get("foreign") or 0
        found["foreign"] += foreign if isinstance(foreign, int) else foreign["packets"]
        found["lost"] += state["lost"]
        found["untracked packets"] += state["untracked"]["packets"]
    except (KeyError, TypeError, AttributeError) as error:
        raise ProductFault(f"the status has not the form of its schema: {error}") from error
    return found


def _put(found: Counts, name: str, count: Mapping[str, int]) -> None:
    found[f"{name} packets"] += count["packets"]
    found[f"{name} bytes"] += count["bytes"]


def flow(way: str, source: str, destination: str, protocol: str, ports: tuple[int, int]) -> str:
    """The name of a flow's numbers."""
    return f"flow {way} {protocol} {source}:{ports[0]} {destination}:{ports[1]}"


def _packet(side: str, packet: Packet, name: str, ports: tuple[int, int] = (0, 0), padding: int = 0) -> Sent:
    """An IP packet of the protocol *name*, which crosses and is counted by its total length."""
    six = IPv6 in packet
    octets, way = bytes(packet), WAYS[side]
    counts = Counter[str]()
    layer = packet[IPv6 if six else IP]
    for key in (way, f"{name} {way}", flow(way, layer.src, layer.dst, name, ports)):
        _put(counts, key, {"packets": 1, "bytes": len(octets)})
    return Sent(side, (IP6 if six else IP4) + octets + bytes(padding), True, counts)


def _header(side: str) -> Packet:
    return IP(src=ADDRESSES[side][0], dst=ADDRESSES[OTHER[side]][0])


def _drawn(draw: random.Random) -> list[Sent]:
    sent = []
    for _ in range(PACKETS):
        side, number = draw.choice(("lan", "wan")), draw.randrange(FLOWS)
        ports, payload = (FIRST_PORT + number, 9 + number % 2), Raw(draw.randbytes(draw.randrange(1200)))
        layer, name = (UDP, "udp") if number % 3 else (TCP, "tcp")
        sent.append(_packet(side, _header(side) / layer(sport=ports[0], dport=ports[1]) / payload, name, ports))
    return sent


def _shapes() -> Iterator[tuple[str, list[Sent]]]:
    udp = _header("lan") / UDP(sport=77, dport=78, len=1000) / Raw(bytes(40))
    first, later = udp.copy(), _header("lan") / Raw(bytes(40))
    first[IP].flags, first[IP].id = "MF", 7
    later[IP].frag, later[IP].id, later[IP].proto = 6, 7, 17
    six = IPv6(src=ADDRESSES["lan"][1], dst=ADDRESSES["wan"][1]) / UDP(sport=7, dport=8)
    yield "Ethernet padding", [_packet("lan", _header("lan") / UDP(sport=5, dport=6), "udp", (5, 6), padding=18)]
    yield (
        "ICMP, and a protocol without ports",
        [
            _packet("lan", _header("lan") / ICMP(), "icmp"),
            _packet("wan", IP(**{**_header("wan").fields, "proto": 99}) / Raw(b"cc"), "99"),
        ],
    )
    yield "fragments", [_packet("lan", first, "udp", (77, 78)), _packet("lan", later, "udp")]
    yield "IPv6", [_packet("lan", six, "udp", (7, 8))]
    tagged = b"\x81\x00\x00\x07" + IP4 + bytes(_header("lan") / UDP(sport=1, dport=2) / Raw(bytes(20)))
    unknown = b"\x88\xb5" + bytes(46)
    yield (
        "frames that are neither IP nor ARP",
        [Sent("lan", frame, False, {"foreign": 1}) for frame in (tagged, unknown)],
    )
    wrong = bytearray(bytes(_header("lan") / UDP(sport=3, dport=4)))
    wrong[10] ^= 0xFF
    yield "an IPv4 header with a wrong checksum", [Sent("lan", IP4 + bytes(wrong), False, {})]
    arp = ARP_TYPE + b"\x00\x01\x08\x00\x06\x04\x00\x02" + bytes(20)
    yield "ARP", [Sent("wan", arp, True, {"other wan-to-lan": 1})]


def _many() -> list[Sent]:
    ports = [(FIRST_PORT + 100 + number, 9) for number in range(MANY)]
    return [_packet("lan", _header("lan") / UDP(sport=one[0], dport=one[1]), "udp", one) for one in ports]


def _super_packet(rig: Rig, wire: Wire) -> Iterator[Check]:
    """One TCP packet that the kernel has still to segment, as an interface with segmentation offload gets it."""
    before = numbers(rig.status())["lan-to-wan packets"]
    wire.send_super(rig.hosts["lan"].namespace, _header("lan") / TCP(sport=4242, dport=80, flags="A"), SEGMENTS)

    def grown() -> int:
        return numbers(rig.status())["lan-to-wan packets"] - before

    poll(lambda: grown() >= SEGMENTS, COUNTING_SECONDS, 0.1)
    name = "a TCP super-packet"
    yield judged(name, grown() == SEGMENTS, f"{SEGMENTS} packets, as the wire carries", f"{grown()} packets")


_METRIC = re.compile(r'^lso_vnf_(packets|bytes)_total\{direction="([a-z-]+)"\} (\d+)$', re.MULTILINE)


def _metrics(rig: Rig) -> Iterator[Check]:
    totals = numbers(rig.status())
    done = rig.call("/vnf/metrics")
    found = {f"{way} {what}": int(count) for what, way, count in _METRIC.findall(done.stdout)}
    wanted = {f"{way} {what}": totals[f"{way} {what}"] for way in WAYS.values() for what in ("packets", "bytes")}
    holds = done.returncode == 0 and found == wanted
    yield judged(
        "/vnf/metrics", holds, "the totals of the status", _differences(wanted, Counter(found)) or "the totals"
    )


def _differences(wanted: Mapping[str, int], found: Counts) -> str:
    return "; ".join(f"{name}: {found[name]}, not {count}" for name, count in wanted.items() if found[name] != count)
