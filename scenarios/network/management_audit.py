"""What crosses the management network from before the order to the end of a run.

How connections begin tells whether they are TLS. Each later segment has to carry the octets that come next in one of
them: others are of somebody who has borrowed its ports.
"""

from __future__ import annotations

import struct
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from reports.text import count_text
from scenarios.network.links import LinkAudit, ethernet_text, ipv4_text, kept, resolves_addresses, trailer
from scenarios.network.wire import CaptureFile, Point
from scenarios.steps.recorder import Recorder
from testbed.capture import Capture, Frame, live
from testbed.capture.tcp_stream import FIN, Piece, Stream
from testbed.esp import ipv4_of, payload_of
from testbed.lab import Lab
from testbed.lab.management_network import own_address
from testbed.nodes.ucpe import DOCKER_PORT, MANAGEMENT, OPENFLOW_PORT, OVSDB_PORT

PORTS = (DOCKER_PORT, OVSDB_PORT, OPENFLOW_PORT)
LIMIT = 100_000
"""Frames of a port that are kept, of each the first :data:`SNAPLEN` octets: those of about a hundred orders."""

SNAPLEN = 2048
SILENCE = 5.0
"""Seconds after which a client has said something, however busy the machine is: in TLS it speaks first, and at once."""

_TCP, _SHORTEST, _FRAGMENT = 6, 20, 0x3FFF
_SYN, _RST, _ACK = 2, 4, 16
_REPORT_HEADER, _ALL_IGMP_ROUTERS, _ROUTER_ALERT = 24, bytes([224, 0, 0, 22]), b"\x94\x04\x00\x00"
_LINK_GROUP = bytes([0, 0, 0, 224, 0, 0])
"""Of a group's record behind its type: no auxiliary data, no sources, the first three octets of 224.0.0.0/24."""

_NUMBERS, _BOTH = 1 << 32, 2
_TLS_STARTS = (b"\x16\x03", b"\x15\x03")
"""Content type handshake, or an alert in answer to one, and the version's first octet (RFC 8446, section 5.1)."""


class ManagementLink(CaptureFile):
    """What the management port of a uCPE carried, nearly all of it in connections with the *host*.

    *ucpe* is its address there; *until* is when the capture had caught up, in seconds since the epoch. Not *whole* when
    it was full, so that more may have come. Of the connections that had begun before the capture, *earlier* are the
    ports, the client's first, which were known from the moment *since* on; None where they were never looked at.
    """

    host: str
    ucpe: str
    until: float
    whole: bool
    earlier: tuple[tuple[int, int], ...] = ()
    since: float | None = None


class ManagementAudit(LinkAudit):
    """Captures on the management interface of every uCPE of *lab*; they run all the time."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self._addresses = {site: node.address for site, node in lab.ucpes.items()}
        self.points = [Point(_capture(lab, site, folder), f"management {site}", site=site) for site in lab.ucpes]
        self._earlier: dict[str, set[tuple[int, int]]] = {site: set() for site in lab.ucpes}
        self._since: float | None = None

    def note_connections(self) -> None:
        """Remember the connections that there are: of these the capture has no beginning."""
        for ucpe, ports in connections():
            for site, address in self._addresses.items():
                if address == ucpe:
                    self._earlier[site].add(ports)
        self._since = time.time()

    def so_far(self, recorder: Recorder) -> Iterator[ManagementLink]:
        """Yield what was captured on each port until now, as evidence. Raises ``CaptureError`` when it is not all."""
        for point in self.points:
            ucpe = self._addresses[point.site]
            whole, until = self._catch_up(point), time.time()
            path = kept(point, recorder, f"all that was seen at {point.name} since the order")
            link = {"file": path, "name": point.name, "site": point.site, "host": own_address(ucpe), "ucpe": ucpe}
            earlier = {"earlier": tuple(sorted(self._earlier[point.site])), "since": self._since}
            yield ManagementLink.model_validate({**link, **earlier, "until": until, "whole": whole})


@contextmanager
def management_audited(lab: Lab) -> Iterator[ManagementAudit]:
    """Watch the management network of *lab* inside the block. Raises ``CaptureError`` when that cannot begin."""
    audit = ManagementAudit(lab, Path(tempfile.mkdtemp(prefix="audit-", dir=lab.folder)))
    audit.note_connections()
    with live([point.capture for point in audit.points]):
        audit.note_connections()
        yield audit


def connections(proc: Path = Path("/proc/net")) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the far address of each TCP connection of this machine, and its ports, the near one first."""
    for line in (line for name in ("tcp", "tcp6") for line in _lines(proc / name)):
        (_, near), (far, port) = (end.split(":") for end in line.split()[1:3])
        # Each word of an address is a number as this machine stores it; an IPv4 one is the last word of a mapped one.
        yield str(IPv4Address(int(far[-8:], 16).to_bytes(4, sys.byteorder))), (int(near, 16), int(port, 16))


def _lines(table: Path) -> list[str]:
    return table.read_text(encoding="ascii").splitlines()[1:] if table.exists() else []


def _capture(lab: Lab, site: str, folder: Path) -> Capture:
    node, path = lab.ucpes[site], folder / f"management-{site}.pcap"
    return Capture(node.namespace, MANAGEMENT, path, snaplen=SNAPLEN, lab=lab.id, limit=LIMIT)


@dataclass
class PortTraffic:
    """What was seen on a uCPE's port: the TLS *connections* that began, how many *wrong* frames, and the *first*."""

    connections: int = 0
    wrong: int = 0
    first: str = ""

    def add_wrong(self, description: str) -> None:
        """Count what does not belong there."""
        self.wrong += 1
        self.first = self.first or description


def port_traffic(frames: Iterable[Frame], link: ManagementLink) -> PortTraffic:
    """Tell apart the *frames* of the *link* of a uCPE: TLS between host and uCPE, what a link needs, and all else."""
    host, ucpe = link.host, link.ucpe
    seen, begun = PortTraffic(), dict[tuple[int, int], _Connection]()
    earlier = {ports: _Connection.earlier() for ports in link.earlier}
    for timestamp, frame in frames:
        if earlier and link.since is not None and timestamp > link.since:
            begun |= earlier  # whatever was seen of them before, there may be a gap
            earlier = {}
        packet = ipv4_of(frame)
        if fault := _no_packet(frame, packet):
            seen.add_wrong(fault)
        if fault or packet is None or _is_group_report(packet, host):
            continue
        segment = _segment(packet, host, ucpe)
        fault = "" if segment is None else _follow(seen, begun, segment, timestamp)
        if segment and segment.ports not in begun and not _is_earlier(link, segment, timestamp):
            fault = fault or ", of no connection"
        if segment is None or fault:
            seen.add_wrong(ipv4_text(packet) + fault)
    for (port, server), connection in begun.items():
        for fault in connection.faults(link.until):
            seen.add_wrong(f"a connection from {host}:{port} to {ucpe}:{server} {fault}")
    return seen


def _no_packet(frame: bytes, packet: bytes | None) -> str:
    """Return what is wrong with a *frame* that is more than the IPv4 *packet* in it; empty for what each link needs."""
    if packet is None:
        return "" if resolves_addresses(frame) else ethernet_text(frame)
    surplus = trailer(frame, packet)
    return f"{ipv4_text(packet)}, and {count_text(surplus, 'octet')} behind it" if surplus else ""


def _is_group_report(packet: bytes, host: str) -> bool:
    """Tell whether *host* says which groups of the link its bridge listens to, and nothing else (RFC 3376, 4.2)."""
    header, report = packet[:_REPORT_HEADER], packet[_REPORT_HEADER:]
    groups = [report[place : place + 8] for place in range(8, len(report), 8)]
    return (
        header[0] == 0x46  # with the option router alert
        and (header[8:10], header[12:]) == (b"\x01\x02", IPv4Address(host).packed + _ALL_IGMP_ROUTERS + _ROUTER_ALERT)
        and report[:1] == b"\x22"
        and len(report) == 8 + 8 * int.from_bytes(report[6:8], "big")
        and all(group[1:7] == _LINK_GROUP for group in groups)
    )


@dataclass(frozen=True)
class _Segment:
    """A TCP segment of a connection; *ports* are the client's and the server's."""

    from_host: bool
    ports: tuple[int, int]
    piece: Piece


def _segment(packet: bytes, host: str, ucpe: str) -> _Segment | None:
    """Return the segment in an IPv4 *packet* when it is of a connection that *host* may have with *ucpe*."""
    source, target = str(IPv4Address(packet[12:16])), str(IPv4Address(packet[16:20]))
    tcp = payload_of(packet)
    whole = not int.from_bytes(packet[6:8], "big") & _FRAGMENT
    if not whole or packet[9] != _TCP or len(tcp) < _SHORTEST or {source, target} != {host, ucpe}:
        return None
    here, there, number = struct.unpack_from("!HHI", tcp)
    from_host, header = source == host, (tcp[12] >> 4) * 4
    ports = (here, there) if from_host else (there, here)
    length = int.from_bytes(packet[2:4], "big") - (len(packet) - len(tcp)) - header
    return _Segment(from_host, ports, Piece(number, tcp[13], length, tcp[header:])) if ports[1] in PORTS else None


@dataclass
class _Connection:
    """A connection since the moment it *began*: what its ends sent (the host?), and who began with TLS."""

    began: float
    streams: dict[bool, Stream] = field(default_factory=dict)
    secured: set[bool] = field(default_factory=set)
    ended: bool = False

    @classmethod
    def earlier(cls) -> _Connection:
        """Return one that had begun before: of each end is known what it sends from now on."""
        return cls(0.0, secured={True, False})

    def faults(self, until: float) -> Iterator[str]:
        """Yield what is wrong with it as it was at the moment *until*."""
        waits = len(self.streams) == _BOTH and True not in self.secured and not self.ended
        if waits and until - self.began > SILENCE:
            yield "that does not begin with TLS"
        if any(stream.ahead for stream in self.streams.values()):
            yield "with octets that nothing leads to"


def _is_earlier(link: ManagementLink, segment: _Segment, timestamp: float) -> bool:
    """Tell whether *segment* may be of a connection that began before the capture of *link*."""
    return link.since is None or timestamp <= link.since or segment.ports in link.earlier


def _follow(seen: PortTraffic, begun: dict[tuple[int, int], _Connection], segment: _Segment, timestamp: float) -> str:
    """Note what *segment* says of its connection; return what is wrong with it, empty when nothing is."""
    sender, piece, known = segment.from_host, segment.piece, begun.get(segment.ports)
    if piece.flags & _SYN:
        first = (piece.number + 1) % _NUMBERS
        if sender and (known is None or known.streams[True].first != first):
            begun[segment.ports] = _Connection(timestamp, {True: Stream(first)})
        elif not sender and (known is None or not piece.flags & _ACK):
            return ", which opens a connection to the host"
        elif known and not sender:
            known.streams.setdefault(False, Stream(first))
        return ", with octets beside its SYN" if piece.length else ""
    if known is None:
        return ""  # it began before the capture
    known.ended |= bool(piece.flags & (FIN | _RST))
    if sender not in known.streams:
        if not piece.length:
            return ""
        known.streams[sender] = Stream(piece.number)
    stream, clear = known.streams[sender], False
    if piece.length and not stream.place(piece.number) and sender not in known.secured:
        clear = not piece.seen.startswith(_TLS_STARTS)
        known.secured.add(sender)
        seen.connections += not clear and len(known.secured) == _BOTH
    return stream.add(piece) or (", which does not begin with TLS" if clear else "")
