"""What audits of links share: captures that go on, and the frames that every link needs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path

from scenarios.network.wire import PCAP, Point
from scenarios.steps.recorder import NetworkFault, Recorder
from testbed.capture import CaptureError
from testbed.esp import Kind, classify

_ARP_END, _SHORTEST_FRAME = 42, 60  # octets, of ARP for IPv4 on Ethernet (RFC 826); without the check sequence
_IPV6, _ICMPV6, _HOP_BY_HOP = b"\x86\xdd", 58, 0
_NEIGHBOUR_DISCOVERY, _MULTICAST_LISTENERS = (133, 134, 135, 136), (130, 131, 132, 143)  # RFC 4861; 2710, 3810


class LinkAudit:
    """Captures at *points* that run all the time."""

    points: Sequence[Point]

    def _catch_up(self, point: Point) -> bool:
        """Wait until the file at *point* has all until now; tell whether it holds all, or was full before."""
        try:
            return point.capture.catch_up()
        except CaptureError as error:
            there = point.capture.namespace.run(["ip", "link", "show", "dev", point.capture.interface], check=False)
            if there.returncode == 0:
                raise
            raise NetworkFault(f"the link {point.name}", "there until the end", "gone") from error


def kept(point: Point, recorder: Recorder, title: str) -> Path:
    """Keep what was captured at *point* until now as evidence and return its path."""
    path = recorder.path(point.capture.path.name)
    shutil.copy(point.capture.path, path)
    recorder.file(path, title, PCAP)
    return path


def resolves_addresses(frame: bytes) -> bool:
    """Tell whether an Ethernet frame is what each link needs: ARP with no more than padding, or neighbour discovery."""
    if classify(frame) is Kind.ARP:
        return len(frame) <= _SHORTEST_FRAME and not any(frame[_ARP_END:])
    return _is_neighbour_discovery(frame)


def ethernet_text(frame: bytes) -> str:
    """Return what an Ethernet frame is, for people."""
    return f"Ethernet {frame[6:12].hex(':')} > {frame[:6].hex(':')}, type 0x{frame[12:14].hex()}, {len(frame)} octets"


def ipv4_text(packet: bytes) -> str:
    """Return what an IPv4 packet is, for people."""
    source, target = IPv4Address(packet[12:16]), IPv4Address(packet[16:20])
    return f"IPv4 {source} > {target}, protocol {packet[9]}, {int.from_bytes(packet[2:4], 'big')} octets"


def _is_neighbour_discovery(frame: bytes) -> bool:
    """Tell whether an Ethernet frame is neighbour discovery or tells of its multicast groups, from the link itself."""
    source = frame[22:38]
    if frame[12:14] != _IPV6 or len(frame) < 63 or not (source.startswith(b"\xfe\x80") or not any(source)):
        return False
    if frame[20] == _HOP_BY_HOP:
        return frame[54] == _ICMPV6 and frame[62] in _MULTICAST_LISTENERS
    return frame[20] == _ICMPV6 and frame[54] in _NEIGHBOUR_DISCOVERY
