"""What crosses the underlays from the order to the end of a run.

All is kept but the bulk, ESP between the service's gateways: of that the kernel counts the packets of each SPI, and a
sample is kept that nobody can foresee.
"""

from __future__ import annotations

import struct
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from secrets import randbelow

from reports.text import count_text
from scenarios.file.format import Scenario
from scenarios.network.associations import Flow, Histories, IkeSpis, Keys, sent
from scenarios.network.chain import GATEWAY
from scenarios.network.links import LinkAudit, ethernet_text, ipv4_text, kept, resolves_addresses, trailer
from scenarios.network.wire import AuditedLink, CaptureFile, Point, SentEsp
from scenarios.steps.context import Context
from scenarios.steps.recorder import Recorder
from testbed.capture import Capture, live
from testbed.esp import (
    IKE_AUTH,
    IKE_SA_INIT,
    SAMPLE_OF,
    WHOLE_ESP,
    EspCensus,
    Kind,
    PortCensus,
    classify_ipv4,
    counting,
    ike_in,
    ipv4_of,
    payload_of,
    reassemble,
    sampled,
    spi_of,
)
from testbed.lab import Lab
from testbed.lab.nat import PORTS
from testbed.nodes.node import Node
from testbed.polling import poll

LIMIT = 20_000
"""Frames of a link that are kept, at most 2 KiB of each: they lie in memory until the run has ended."""

SAMPLED = 5_000
"""ESP packets of a link that are kept, to be opened."""

MAC_ADDRESSES = 8
"""Of stations on a link, for each gateway and once more: ports of uCPEs, VNFs and bridges, also those made anew."""

COUNTING_SECONDS = 2.0
"""How long a gateway may take to add up what it has sent."""

_GROUP = 1
"""The bit in the first octet of a MAC address that more than one station may have (IEEE 802, 8.2)."""
_PORTS = struct.Struct("!HH")
NAT_T = range(4500, 4501)
"""The port of ESP in UDP, and of IKE beside it (RFC 3948), at an end that is behind no NAT."""
Nat = tuple[str, str]
"""What a site behind a NAT has as its address, and what others know in its place."""


class UnderlayAudit(LinkAudit):
    """Captures and a census of ESP on every link of every underlay, where a service has gateways, all the time.

    *histories* and *keys* are what the gateways tell of their security associations, *sent* what they say that these
    have sent.
    """

    def __init__(self, scenario: Scenario, lab: Lab, folder: Path) -> None:
        self.gateways = gateways(scenario)
        self.histories, self.keys = Histories(), Keys()
        self.sent: tuple[SentEsp, ...] = ()
        # Without a gateway, all that the service carries would be kept.
        underlays = lab.underlays if GATEWAY in scenario.service.chain else {}
        self.nats = nats(scenario)
        bulk = esp_between(self.gateways, [address for one in self.nats.values() for address in one])
        self.points = list(_points(lab, underlays, folder, f"not ({bulk})", LIMIT))
        some = f"{sampled(randbelow(SAMPLE_OF))} and {bulk}"
        self.samples = list(_points(lab, underlays, folder, some, SAMPLED, "-esp"))
        self.censuses = {
            name: EspCensus(node.namespace, tuple(node.ports.values())) for name, node in underlays.items()
        }

    def remember(self, context: Context) -> None:
        """Ask the gateways for their security associations, and what these have sent, while they are there."""
        if not self.points:
            return
        seen = self._counted()  # before the gateways: what is on the wire has been sent by then
        self.histories.ask(context)
        self.keys.ask(context)
        poll(lambda: self._compare(seen, sent(context, self.histories.told)), COUNTING_SECONDS, 0.1)

    def _compare(self, seen: Mapping[str, Mapping[str, PortCensus]], told: Mapping[Flow, int]) -> bool:
        """Keep what was *seen* beside what the gateways have *told*; tell whether all of it was sent."""
        found = [
            SentEsp(link=point.name, source=one.source, destination=one.destination, spi=one.spi, seen=one.packets,
                    sent=told[one.source, one.destination, one.spi])
            for point in self.points
            for one in seen[point.underlay][point.capture.interface].counts
            if (one.source, one.destination, one.spi) in told
        ]  # fmt: skip
        self.sent = tuple(found) or self.sent
        return all(one.seen <= one.sent for one in found)

    def _counted(self) -> dict[str, dict[str, PortCensus]]:
        return {name: census.read() for name, census in self.censuses.items()}

    def so_far(self, recorder: Recorder) -> Iterator[AuditedLink]:
        """Yield what was seen on each link until now, as evidence. Raises ``CaptureError`` when it is not all."""
        whole = [self._catch_up(point) for point in self.points]
        counted = self._counted()
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

    def sample(self, recorder: Recorder) -> Iterator[CaptureFile]:
        """Yield the ESP that was kept of each link until now, as evidence."""
        for point in self.samples:
            self._catch_up(point)
            file = kept(point, recorder, f"a sample of the ESP at {point.name} since the order")
            yield CaptureFile(file=file, name=point.name, underlay=point.underlay, site=point.site)


def _points(
    lab: Lab, underlays: Mapping[str, Node], folder: Path, expression: str, limit: int, suffix: str = ""
) -> Iterator[Point]:
    """Yield a capture of what *expression* matches for each port of *underlays*, up to *limit* frames."""
    for name, node in underlays.items():
        for site, port in node.ports.items():
            path = folder / f"{name}-{site}{suffix}.pcap"
            yield Point(
                Capture(node.namespace, port, path, expression, lab=lab.id, limit=limit), f"{name} {site}", name, site
            )


@contextmanager
def audited(scenario: Scenario, lab: Lab) -> Iterator[UnderlayAudit]:
    """Watch the underlays of *lab* inside the block. Raises ``CaptureError`` when that cannot begin."""
    audit = UnderlayAudit(scenario, lab, Path(tempfile.mkdtemp(prefix="audit-", dir=lab.folder)))
    # Counting begins before capturing, so that nothing is left out by both.
    with counting(list(audit.censuses.values())), live([point.capture for point in (*audit.points, *audit.samples)]):
        yield audit


def gateways(scenario: Scenario) -> tuple[str, ...]:
    """Return the WAN addresses of the service's sites, and those that a NAT gives them."""
    sites = (scenario.topology.sites[point.site] for point in scenario.service.endpoints)
    ports = [wan for site in sites for wan in site.wan.values()]
    return tuple(str(address) for wan in ports for address in (wan.address, wan.nat) if address)


def nats(scenario: Scenario) -> dict[str, Nat]:
    """Return the addresses of each site of the service that is behind a NAT."""
    sites = {point.site: scenario.topology.sites[point.site] for point in scenario.service.endpoints}
    return {
        name: (str(wan.address), str(wan.nat)) for name, site in sites.items() for wan in site.wan.values() if wan.nat
    }


def esp_between(addresses: Sequence[str], natted: Sequence[str] = ()) -> str:
    """Return the filter of whole ESP packets between *addresses*, in UDP from and to those of *natted*."""
    some = " or ".join(addresses)
    bare = f" and not (ip proto 50 and host ({' or '.join(natted)}))" if natted else ""
    return f"src host ({some}) and dst host ({some}) and {WHOLE_ESP}{bare}"


@dataclass(frozen=True)
class LinkEnds:
    """Who may send on a link: the *gateways* by the addresses that they have there, and who else asks by ARP.

    *behind* are those of a site behind a NAT, with the ports that its UDP has there in the place of 4500 (RFC 3948).
    """

    gateways: frozenset[bytes]
    neighbours: frozenset[bytes]
    behind: Mapping[bytes, range]

    @classmethod
    def between(cls, addresses: Sequence[str]) -> LinkEnds:
        """Return those of a link without a NAT."""
        ends = frozenset(map(_octets, addresses))
        return cls(ends, ends, {})

    @classmethod
    def of(cls, site: str, addresses: Sequence[str], translated: Mapping[str, Nat]) -> LinkEnds:
        """Return those of the link of *site*: its own address there, and of the others what a NAT makes of them."""
        hidden = {outside if name == site else inside for name, (inside, outside) in translated.items()}
        behind = {
            _octets(inside if name == site else outside): NAT_T if name == site else PORTS
            for name, (inside, outside) in translated.items()
        }
        seen = frozenset(map(_octets, set(addresses) - hidden))
        router = {_octets(outside) for name, (_, outside) in translated.items() if name == site}
        return cls(seen, seen | router, behind)

    def has(self, flow: Flow) -> bool:
        """Tell whether both ends of a *flow* of ESP are those of the link."""
        return {_octets(flow[0]), _octets(flow[1])} <= self.gateways

    def in_udp_as_due(self, packet: bytes) -> bool:
        """Tell whether the ports of *packet*, which is ESP in UDP, are 4500, or a NAT's for the end behind one."""
        ports = zip((packet[12:16], packet[16:20]), _PORTS.unpack_from(payload_of(packet)), strict=True)
        return all(port in self.behind.get(end, NAT_T) for end, port in ports)

    def may_be_bare(self, packet: bytes) -> bool:
        """Tell whether *packet* is between ends none of which is behind a NAT, so that it need not be in UDP 4500."""
        return packet[12:16] not in self.behind and packet[16:20] not in self.behind


def _octets(address: str) -> bytes:
    return IPv4Address(address).packed


@dataclass
class LinkTraffic:
    """What was seen on a link: messages of *ike*, packets of *esp*, *unexplained* frames, and what the *first* was."""

    ike: int = 0
    esp: Counter[Flow] = field(default_factory=Counter)
    unexplained: int = 0
    first: str = ""

    def add_unexplained(self, describe: Callable[[], str]) -> None:
        """Count a frame that is neither IPsec between the gateways nor needed on a link."""
        self.unexplained += 1
        self.first = self.first or describe()


class _KeyExchange:
    """The IKE messages of a link, of IKE SAs whose SPIs are *known*, None when these are not known for sure."""

    def __init__(self, known: Collection[IkeSpis] | None) -> None:
        self._known = known
        self._messages: dict[tuple[object, ...], bytes] = {}

    def has(self, packet: bytes, ends: LinkEnds) -> bool:
        """Tell whether *packet* is an IKEv2 message of such an SA, or one that an SA begins with.

        What has the number of an earlier one must be the very same (RFC 7296, 2.1). Where a NAT is in between, all but
        the first exchange is by UDP 4500 (2.23).
        """
        message = ike_in(packet)
        if message is None or message.exchange == IKE_SA_INIT:
            return message is not None
        if not (ends.may_be_bare(packet) or ends.in_udp_as_due(packet)):
            return False
        spis = message.initiator_spi, message.responder_spi
        began = message.exchange == IKE_AUTH or self._known is None or spis in self._known
        return (
            began and self._messages.setdefault((spis, packet[12:20], message.number), message.octets) == message.octets
        )


def traffic(frames: Iterable[bytes], ends: LinkEnds, known: Collection[IkeSpis] | None = None) -> LinkTraffic:
    """Tell apart the *frames* of a link: IPsec between its *ends*, ARP, IPv6 neighbour discovery, and all else.

    IPv4 fragments are judged as the packet that they make up. *known* are the SPIs of the IKE SAs that stood, None when
    that is not known for sure.
    """
    seen, exchange = LinkTraffic(), _KeyExchange(known)
    esp = Counter[tuple[bytes, int]]()  # by the octets of both addresses, and the SPI
    for packet in reassemble(_packets(frames, ends, seen)):
        kind = classify_ipv4(packet)
        wrong_ike = kind is Kind.IKE and not exchange.has(packet, ends)
        wrong_esp = (kind is Kind.ESP_IN_UDP and not ends.in_udp_as_due(packet)) or (
            kind is Kind.ESP and not ends.may_be_bare(packet)
        )
        beside = packet[12:16] not in ends.gateways or packet[16:20] not in ends.gateways
        if kind is Kind.OTHER_IP or wrong_ike or wrong_esp or beside:
            seen.add_unexplained(partial(ipv4_text, packet))
        elif kind is Kind.IKE:
            seen.ike += 1
        elif kind in (Kind.ESP, Kind.ESP_IN_UDP):
            esp[packet[12:20], spi_of(packet, kind)] += 1
    for (between, spi), packets in esp.items():
        seen.esp[str(IPv4Address(between[:4])), str(IPv4Address(between[4:])), f"{spi:08x}"] = packets
    return seen


def _packets(frames: Iterable[bytes], ends: LinkEnds, seen: LinkTraffic) -> Iterator[bytes]:
    """Yield the IPv4 packets among *frames*; count in *seen* what is none, and what has octets behind it.

    So is a frame from or to a station more than there can be: its address may be text.
    """
    stations, pairs, most = set[bytes](), set[bytes](), MAC_ADDRESSES * (len(ends.gateways) + 1)
    for frame in frames:
        if frame[:12] not in pairs:
            own = {address for address in (frame[:6], frame[6:12]) if address and not address[0] & _GROUP}
            if len(stations | own) > most:
                seen.add_unexplained(partial(_one_too_many, frame, most))
                continue
            stations |= own
            if len(own) > 1:  # of groups there may be any number
                pairs.add(frame[:12])
        packet = ipv4_of(frame)
        if packet is None:
            if not resolves_addresses(frame, ends.neighbours):
                seen.add_unexplained(partial(ethernet_text, frame))
        elif surplus := trailer(frame, packet):
            seen.add_unexplained(partial(_with_surplus, packet, surplus))
        else:
            yield packet


def _one_too_many(frame: bytes, others: int) -> str:
    return f"{ethernet_text(frame)}, and {others} other stations"


def _with_surplus(packet: bytes, surplus: int) -> str:
    return f"{ipv4_text(packet)}, and {count_text(surplus, 'octet')} behind it"
