"""What crosses the underlays from the order to the end of a run.

All is kept but the bulk, ESP between the service's gateways: of that the kernel counts the packets of each SPI.
"""

from __future__ import annotations

import struct
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from scenarios.file.format import Scenario
from scenarios.network.associations import Flow, Histories
from scenarios.network.chain import GATEWAY
from scenarios.network.links import LinkAudit, ethernet_text, ipv4_text, kept, resolves_addresses
from scenarios.network.wire import AuditedLink, Point
from scenarios.steps.context import Context
from scenarios.steps.recorder import Recorder
from testbed.capture import Capture, live
from testbed.esp import (
    WHOLE_ESP,
    EspCensus,
    Kind,
    classify_ipv4,
    counting,
    esp_of,
    ipv4_of,
    payload_of,
    reassemble,
)
from testbed.lab import Lab

LIMIT = 20_000
"""Frames of a link that are kept, at most 2 KiB of each: they lie in memory until the run has ended."""

_IKE_HEADER, _IKE_VERSION, _IKE_SA_INIT = 28, 0x20, 34
_IKE_SEALED, _SEALED = range(35, 38), (46, 53)
"""Exchange types whose messages are one encrypted payload, and the types of that or of a fragment of it (RFC 7383)."""

_NON_ESP_MARKER, _NAT_T_PORTS = bytes(4), struct.pack("!HH", 4500, 4500)


class UnderlayAudit(LinkAudit):
    """Captures and a census of ESP on every link of every underlay, where a service has gateways, all the time.

    *histories* is what the gateways tell of their security associations.
    """

    def __init__(self, scenario: Scenario, lab: Lab, folder: Path) -> None:
        self.gateways = gateways(scenario)
        self.histories = Histories()
        # Without a gateway, all that the service carries would be kept.
        underlays = lab.underlays if GATEWAY in scenario.service.chain else {}
        self.points = [
            Point(self._capture(lab, name, site, folder), f"{name} {site}", name, site)
            for name, node in underlays.items()
            for site in node.ports
        ]
        self.censuses = {
            name: EspCensus(node.namespace, tuple(node.ports.values())) for name, node in underlays.items()
        }

    def _capture(self, lab: Lab, underlay: str, site: str, folder: Path) -> Capture:
        node = lab.underlays[underlay]
        path, everything_else = folder / f"{underlay}-{site}.pcap", f"not ({esp_between(self.gateways)})"
        return Capture(node.namespace, node.ports[site], path, everything_else, lab=lab.id, limit=LIMIT)

    def remember(self, context: Context) -> None:
        """Ask the gateways for their security associations while they are there."""
        if self.points:
            self.histories.ask(context)

    def so_far(self, recorder: Recorder) -> Iterator[AuditedLink]:
        """Yield what was seen on each link until now, as evidence. Raises ``CaptureError`` when it is not all."""
        whole = [self._catch_up(point) for point in self.points]
        counted = {name: census.read() for name, census in self.censuses.items()}
        for point, complete in zip(self.points, whole, strict=True):
            census = counted[point.underlay][point.capture.interface]
            yield AuditedLink(
                file=kept(point, recorder, f"all but ESP at {point.name} since the order"),
                name=point.name,
                underlay=point.underlay,
                site=point.site,
                whole=complete,
                esp=census.counts,
                uncounted=census.uncounted,
            )


@contextmanager
def audited(scenario: Scenario, lab: Lab) -> Iterator[UnderlayAudit]:
    """Watch the underlays of *lab* inside the block. Raises ``CaptureError`` when that cannot begin."""
    audit = UnderlayAudit(scenario, lab, Path(tempfile.mkdtemp(prefix="audit-", dir=lab.folder)))
    # Counting begins before capturing, so that nothing is left out by both.
    with counting(list(audit.censuses.values())), live([point.capture for point in audit.points]):
        yield audit


def gateways(scenario: Scenario) -> tuple[str, ...]:
    """Return the WAN addresses of the service's sites."""
    sites = (scenario.topology.sites[point.site] for point in scenario.service.endpoints)
    return tuple(str(wan.address) for site in sites for wan in site.wan.values())


def esp_between(addresses: Sequence[str]) -> str:
    """Return the filter of whole ESP packets between *addresses*."""
    some = " or ".join(addresses)
    return f"src host ({some}) and dst host ({some}) and {WHOLE_ESP}"


@dataclass
class LinkTraffic:
    """What was seen on a link: messages of *ike*, packets of *esp*, *unexplained* frames, and what the *first* was."""

    ike: int = 0
    esp: Counter[Flow] = field(default_factory=Counter)
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
        wrong_esp = kind is Kind.ESP_IN_UDP and payload_of(packet)[:4] != _NAT_T_PORTS
        beside = source not in ends_of_tunnels or target not in ends_of_tunnels
        if kind is Kind.OTHER_IP or wrong_ike or wrong_esp or beside:
            seen.add_unexplained(ipv4_text(packet))
        elif kind is Kind.IKE:
            seen.ike += 1
        elif esp := esp_of(packet):
            seen.esp[esp.source, esp.destination, f"{esp.spi:08x}"] += 1
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
