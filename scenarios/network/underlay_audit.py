"""What crosses the underlays from the order to the end of a run, but for the ESP between the service's gateways.

The kernel's filter leaves that bulk out, so that all else can be kept: key exchange, ARP, and what must not be there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from scenarios.file.format import Scenario
from scenarios.network.chain import GATEWAY
from scenarios.network.links import LinkAudit, ethernet_text, ipv4_text, kept, resolves_addresses
from scenarios.network.wire import AuditedLink, Point
from scenarios.steps.recorder import Recorder
from testbed.capture import Capture, live
from testbed.esp import Kind, classify_ipv4, ipv4_of, payload_of, reassemble
from testbed.lab import Lab

LIMIT = 20_000
"""Frames of a link that are kept, at most 2 KiB of each: they lie in memory until the run has ended."""

_IKE_HEADER, _IKE_VERSION, _IKE_SA_INIT = 28, 0x20, 34
_IKE_SEALED, _SEALED = range(35, 38), (46, 53)
"""Exchange types whose messages are one encrypted payload, and the types of that or of a fragment of it (RFC 7383)."""

_NON_ESP_MARKER = bytes(4)


class UnderlayAudit(LinkAudit):
    """Captures on every link of every underlay, where a service has gateways; they run all the time."""

    def __init__(self, scenario: Scenario, lab: Lab, folder: Path) -> None:
        self.gateways = gateways(scenario)
        self.points = [
            Point(self._capture(lab, name, site, folder), f"{name} {site}", name, site)
            for name, node in lab.underlays.items()
            for site in node.ports
            if GATEWAY in scenario.service.chain  # without one, all that the service carries would be kept
        ]

    def _capture(self, lab: Lab, underlay: str, site: str, folder: Path) -> Capture:
        node = lab.underlays[underlay]
        path, everything_else = folder / f"{underlay}-{site}.pcap", f"not ({esp_between(self.gateways)})"
        return Capture(node.namespace, node.ports[site], path, everything_else, lab=lab.id, limit=LIMIT)

    def so_far(self, recorder: Recorder) -> Iterator[AuditedLink]:
        """Yield what was captured on each link until now, as evidence. Raises ``CaptureError`` when it is not all."""
        for point in self.points:
            whole = self._catch_up(point)
            path = kept(point, recorder, f"all but ESP at {point.name} since the order")
            yield AuditedLink(file=path, name=point.name, underlay=point.underlay, site=point.site, whole=whole)


@contextmanager
def audited(scenario: Scenario, lab: Lab) -> Iterator[UnderlayAudit]:
    """Watch the underlays of *lab* inside the block. Raises ``CaptureError`` when that cannot begin."""
    audit = UnderlayAudit(scenario, lab, Path(tempfile.mkdtemp(prefix="audit-", dir=lab.folder)))
    with live([point.capture for point in audit.points]):
        yield audit


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


@dataclass
class LinkTraffic:
    """What was seen on a link: how many messages of *ike*, how many *unexplained* frames, and what the *first* was."""

    ike: int = 0
    unexplained: int = 0
    first: str = ""

    def add_unexplained(self, description: str) -> None:
        """Count a frame that is neither IPsec between the gateways nor needed on a link."""
        self.unexplained += 1
        self.first = self.first or description


def traffic(frames: Iterable[bytes], addresses: Sequence[str]) -> LinkTraffic:
    """Tell apart the *frames* of a link: IPsec between *addresses*, ARP, IPv6 neighbour discovery, and all else.

    IPv4 fragments are judged as the packet that they make up.
    """
    seen, ends_of_tunnels = LinkTraffic(), {IPv4Address(address).packed for address in addresses}

    def packets() -> Iterator[bytes]:
        for frame in frames:
            packet = ipv4_of(frame)
            if packet is not None:
                yield packet
            elif not resolves_addresses(frame):
                seen.add_unexplained(ethernet_text(frame))

    for packet in reassemble(packets()):
        source, target, kind = packet[12:16], packet[16:20], classify_ipv4(packet)
        wrong_ike = kind is Kind.IKE and not _is_ike(payload_of(packet))
        if kind is Kind.OTHER_IP or wrong_ike or source not in ends_of_tunnels or target not in ends_of_tunnels:
            seen.add_unexplained(ipv4_text(packet))
        elif kind is Kind.IKE:
            seen.ike += 1
    return seen


def _is_ike(datagram: bytes) -> bool:
    """Tell whether a UDP datagram to an IKE port is a message of IKEv2 by its header (RFC 7296, section 3.1)."""
    message = datagram[8:].removeprefix(_NON_ESP_MARKER)
    if len(message) < _IKE_HEADER or int.from_bytes(message[24:28], "big") != len(message):
        return False
    first_payload, version, exchange = message[16:19]
    return version == _IKE_VERSION and (
        exchange == _IKE_SA_INIT or (exchange in _IKE_SEALED and first_payload in _SEALED)
    )
