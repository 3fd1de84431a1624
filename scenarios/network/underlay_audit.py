"""What crosses the underlays from the order to the end of a run, but for the ESP between the service's gateways.

The kernel's filter leaves that bulk out, so that all else can be kept whole: key exchange, ARP, and what must not be.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path

from scenarios.file.format import Scenario
from scenarios.network.wire import PCAP, CaptureFile, Point
from scenarios.steps.recorder import NetworkFault, Recorder
from testbed.capture import Capture, CaptureError
from testbed.esp import Kind, classify, classify_ipv4, ipv4_of, payload_of, reassemble
from testbed.lab import Lab

WHOLE_FRAME = 65535
ICMPV6, NEIGHBOUR_DISCOVERY, MULTICAST_LISTENERS = 58, range(133, 137), (130, 131, 132, 143)
IKE_HEADER, IKE_VERSION, IKE_SA_INIT = 28, 0x20, 34
IKE_SEALED, SEALED = range(35, 38), (46, 53)
"""Exchange types whose messages are one encrypted payload, or a fragment of one (RFC 7383)."""

_NON_ESP_MARKER = bytes(4)
LINK_LOCAL = (bytes.fromhex("fe80"), bytes(2))  # and the unspecified address


class UnderlayAudit:
    """Captures on every link of every underlay, which run all the time."""

    def __init__(self, scenario: Scenario, lab: Lab, folder: Path) -> None:
        self.gateways = gateways(scenario)
        self.points = [
            Point(self._capture(lab, name, site, folder), f"{name} {site}", name, site)
            for name, node in lab.underlays.items()
            for site in node.ports
        ]

    def _capture(self, lab: Lab, underlay: str, site: str, folder: Path) -> Capture:
        node = lab.underlays[underlay]
        path, everything_else = folder / f"{underlay}-{site}.pcap", f"not ({esp_between(self.gateways)})"
        return Capture(node.namespace, node.ports[site], path, everything_else, WHOLE_FRAME, lab=lab.id)

    def so_far(self, recorder: Recorder) -> Iterator[CaptureFile]:
        """Yield what was captured on each link until now, as evidence. Raises ``CaptureError`` when it is not all."""
        for point in self.points:
            self._catch_up(point)
            path = recorder.path(point.capture.path.name)
            shutil.copyfile(point.capture.path, path)
            recorder.file(path, f"all but ESP at {point.name} since the order", PCAP)
            yield CaptureFile(file=path, name=point.name, underlay=point.underlay, site=point.site)

    def _catch_up(self, point: Point) -> None:
        try:
            point.capture.catch_up()
        except CaptureError as error:
            there = point.capture.namespace.run(["ip", "link", "show", "dev", point.capture.interface], check=False)
            if there.returncode == 0:
                raise
            raise NetworkFault(f"the link {point.name}", "there until the end", "gone") from error


@contextmanager
def audited(scenario: Scenario, lab: Lab) -> Iterator[UnderlayAudit]:
    """Watch the underlays of *lab* inside the block. Raises ``CaptureError`` when that cannot begin."""
    audit = UnderlayAudit(scenario, lab, Path(tempfile.mkdtemp(prefix="audit-", dir=lab.folder)))
    running = [point.capture for point in audit.points]
    try:
        for capture in running:
            capture.launch()
        for capture in running:
            capture.confirm()
        yield audit
    finally:
        for capture in running:
            capture.abandon()


def gateways(scenario: Scenario) -> tuple[str, ...]:
    """Return the WAN addresses of the service's sites."""
    sites = (scenario.topology.sites[point.site] for point in scenario.service.endpoints)
    return tuple(str(wan.address) for site in sites for wan in site.wan.values())


def esp_between(addresses: Sequence[str]) -> str:
    """Return the filter of whole ESP packets between *addresses*, plain or in UDP (RFC 4303, RFC 3948), without a tag.

    It sees no ports in later fragments, and would refuse what is too short for the octets that it looks at. Behind
    `vlan` all offsets are others, so that stands last.
    """
    some = " or ".join(addresses)
    in_udp = "greater 46 and ip[0] = 0x45 and udp src port 4500 and udp dst port 4500 and udp[8:4] != 0"
    ends = f"src host ({some}) and dst host ({some})"
    return f"ip[6:2] & 0x3fff = 0 and {ends} and (ip proto 50 or ({in_udp})) and not vlan"


def unexplained(frames: Iterable[bytes], addresses: Sequence[str]) -> list[bytes]:
    """Return the *frames* that are neither ARP, IPv6 neighbour discovery nor IPsec between *addresses*.

    Of IPv4 the packets come, without Ethernet header and put together from their fragments.
    """
    packets, strange = [], []
    for frame in frames:
        packet = ipv4_of(frame)
        if packet is not None:
            packets.append(packet)
        elif classify(frame) is not Kind.ARP and not _is_neighbour_discovery(frame):
            strange.append(frame)
    return strange + [packet for packet in reassemble(packets) if not _is_ipsec(packet, addresses)]


def describe(octets: bytes) -> str:
    """Return what *octets* of :func:`unexplained` are, in words."""
    if octets[0] >> 4 == 4 and len(octets) >= 20 and int.from_bytes(octets[2:4], "big") == len(octets):
        ends = f"{IPv4Address(octets[12:16])} > {IPv4Address(octets[16:20])}"
        return f"IPv4 {ends}, protocol {octets[9]}, {len(octets)} octets"
    ends = f"{octets[6:12].hex(':')} > {octets[:6].hex(':')}"
    return f"Ethernet {ends}, type 0x{octets[12:14].hex()}, {len(octets)} octets"


def _is_ipsec(packet: bytes, addresses: Sequence[str]) -> bool:
    ends = {str(IPv4Address(packet[12:16])), str(IPv4Address(packet[16:20]))}
    kind = classify_ipv4(packet)
    if kind is Kind.OTHER_IP or not ends <= set(addresses):
        return False
    return kind is not Kind.IKE or _is_ike(payload_of(packet))


def _is_ike(datagram: bytes) -> bool:
    """Tell whether a UDP datagram to an IKE port is a message of IKEv2 by its header (RFC 7296, section 3.1)."""
    message = datagram[8:].removeprefix(_NON_ESP_MARKER)
    if len(message) < IKE_HEADER or int.from_bytes(message[24:28], "big") != len(message):
        return False
    encrypted = message[16] in SEALED
    return message[17] == IKE_VERSION and (message[18] == IKE_SA_INIT or (message[18] in IKE_SEALED and encrypted))


def _is_neighbour_discovery(frame: bytes) -> bool:
    """RFC 4861 and, for its multicast groups, RFC 2710 and 3810 (behind a hop-by-hop header): of the link alone."""
    if frame[12:14] != b"\x86\xdd" or len(frame) < 62 or frame[22:24] not in LINK_LOCAL:
        return False
    if frame[20] == 0:
        return frame[54] == ICMPV6 and frame[62:63] != b"" and frame[62] in MULTICAST_LISTENERS
    return frame[20] == ICMPV6 and frame[54] in NEIGHBOUR_DISCOVERY
