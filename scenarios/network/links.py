"""What audits of links share: captures that go on, and the frames that every link needs."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from ipaddress import IPv4Address
from pathlib import Path

from scenarios.network.wire import PCAP, Point
from scenarios.steps.recorder import NetworkFault, Recorder
from testbed.capture import CaptureError
from testbed.esp import Kind, classify

_ETHERNET, _SHORTEST_FRAME = 14, 60
"""Octets of the header, and those up to which a frame may be padded, without the check sequence."""
_ARP_END, _ARP_HEAD = 42, b"\0\1\x08\0\x06\x04\0"  # of IPv4 on Ethernet (RFC 826)
_ARP_OPERATIONS, _NOBODY = (1, 2), bytes(4)
_IPV6_END, _IPV6, _VERSION, _ICMPV6, _HOP_BY_HOP = 54, b"\x86\xdd", 6, 58, 0
_ROUTER_ALERTS = (bytes([_ICMPV6, 0, 5, 2, 0, 0, 1, 0]), bytes([_ICMPV6, 0, 1, 0, 5, 2, 0, 0]))  # RFC 2711, padded
_LINK_LOCAL, _LINK_GROUP = b"\xfe\x80" + bytes(6), b"\xff\x02" + bytes(9)
_SOURCE_LINK_ADDRESS, _TARGET_LINK_ADDRESS, _NONCE = 1, 2, 14  # RFC 4861, 4.6; RFC 3971, 5.3
_DISCOVERY = {133: (8, {_SOURCE_LINK_ADDRESS}), 135: (24, {_SOURCE_LINK_ADDRESS, _NONCE}),
              136: (24, {_TARGET_LINK_ADDRESS})}  # fmt: skip
"""By type of a message of neighbour discovery (RFC 4861) the octets before its options, and the options that it may
have. Router advertisements are none: nobody routes IPv6 on these links."""
_QUERY, _REPORT, _DONE, _REPORT_2, _RECORD = 130, 131, 132, 143, 20  # RFC 2710, RFC 3810; octets of a group's record


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


def resolves_addresses(frame: bytes, ends: Collection[bytes] = ()) -> bool:
    """Tell whether an Ethernet frame is what each link needs, without any surplus: ARP, or neighbour discovery.

    ARP is about the IPv4 addresses *ends* alone, if there are any.
    """
    return _is_arp(frame, ends) if classify(frame) is Kind.ARP else _is_neighbour_discovery(frame)


def trailer(frame: bytes, packet: bytes) -> int:
    """Return the number of octets behind the IPv4 *packet* in its Ethernet *frame*; zeros that fill it up are none."""
    surplus = len(frame) - _ETHERNET - len(packet)
    return 0 if not surplus or (len(frame) <= _SHORTEST_FRAME and not any(frame[-surplus:])) else surplus


def ethernet_text(frame: bytes) -> str:
    """Return what an Ethernet frame is, for people."""
    return f"Ethernet {frame[6:12].hex(':')} > {frame[:6].hex(':')}, type 0x{frame[12:14].hex()}, {len(frame)} octets"


def ipv4_text(packet: bytes) -> str:
    """Return what an IPv4 packet is, for people."""
    source, target = IPv4Address(packet[12:16]), IPv4Address(packet[16:20])
    return f"IPv4 {source} > {target}, protocol {packet[9]}, {int.from_bytes(packet[2:4], 'big')} octets"


def _is_arp(frame: bytes, ends: Collection[bytes]) -> bool:
    """Tell whether a frame of ARP is a question or an answer about the addresses *ends*, or announces one.

    Docker Engine announces, from version 28 on, what it gives a VNF until that has its own (RFC 5227, section 3).
    """
    source, target = frame[6:12], frame[:6]
    sender, sender_ip, target_mac, target_ip = frame[22:28], frame[28:32], frame[32:38], frame[38:_ARP_END]
    return (
        _ARP_END <= len(frame) <= _SHORTEST_FRAME
        and not any(frame[_ARP_END:])
        and frame[14:21] == _ARP_HEAD
        and frame[21] in _ARP_OPERATIONS
        and sender == source
        and target_mac in (bytes(6), b"\xff" * 6, source, target)
        and (not ends or sender_ip == target_ip or (sender_ip in (_NOBODY, *ends) and target_ip in ends))
    )


def _is_neighbour_discovery(frame: bytes) -> bool:
    """Tell whether a frame is neighbour discovery or tells of its multicast groups, from the link itself."""
    source, target, hops = frame[22:38], frame[38:54], frame[21:22]
    message = frame[_IPV6_END:]
    if (
        frame[12:14] != _IPV6
        or len(frame) < _IPV6_END
        or frame[14] >> 4 != _VERSION
        or len(message) > int.from_bytes(frame[18:20], "big")
        or not (source.startswith(_LINK_LOCAL) or not any(source))
        or not target.startswith((_LINK_LOCAL, _LINK_GROUP))
    ):
        return False
    if frame[20] == _HOP_BY_HOP:
        return hops == b"\x01" and message[:8] in _ROUTER_ALERTS and _tells_of_groups(message[8:])
    return frame[20] == _ICMPV6 and hops == b"\xff" and _discovers_neighbours(message, frame[6:12])


def _discovers_neighbours(message: bytes, source: bytes) -> bool:
    """Tell whether a message from the Ethernet address *source* asks for link-local addresses, or answers."""
    size, known = _DISCOVERY.get(message[0] if message else 0, (0, set[int]()))
    head, options = message[:size], message[size:]
    pairs = [options[place : place + 8] for place in range(0, len(options), 8)]
    return (
        0 < size == len(head)
        and not head[1]
        and not any(head[5:8])
        and (size == 8 or head[8:24].startswith(_LINK_LOCAL))
        and all(len(pair) == 8 and pair[0] in known and pair[1] == 1 for pair in pairs)
        and all(pair[2:] == source for pair in pairs if pair[0] != _NONCE)
        and len({pair[0] for pair in pairs}) == len(pairs)
    )


def _tells_of_groups(message: bytes) -> bool:
    """Tell whether a message asks for groups of the link, or says which ones there are; it may have been cut."""
    kind, head = message[:1], message[:8]
    if len(head) < 8 or head[1]:
        return False
    if kind[0] == _REPORT_2:
        records = [message[place : place + _RECORD] for place in range(8, len(message), _RECORD)]
        whole = len(records) <= int.from_bytes(head[6:8], "big")
        return whole and all(not any(record[1:4]) and _is_link_group(record[4:]) for record in records)
    group, rest = message[8:24], message[24:]
    asks = kind[0] == _QUERY and (not any(group) or _is_link_group(group)) and len(rest) in (0, 4) and not any(rest[2:])
    return asks or (kind[0] in (_REPORT, _DONE) and _is_link_group(group) and not rest)


def _is_link_group(group: bytes) -> bool:
    return group[: len(_LINK_GROUP)] == _LINK_GROUP[: len(group)]
