"""Probes between two LAN hosts and captures along their way: what the wire verbs share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import islice
from random import Random, SystemRandom
from typing import Protocol

from pydantic import Field

from scenarios.network import losses
from scenarios.network.drawn.allowed import Allowed
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence, File
from scenarios.steps.recorder import LOOK_SECONDS, NetworkFault, Recorder
from scenarios.steps.verb import PathVerb
from testbed.capture import Capture, Direction, Frame, captures, find_each, seen_so_far
from testbed.esp import EspCount
from testbed.packets import Kind, PacketError, canary, interface_mac, listening, probe, resolve, send

SPACING_SECONDS = 0.002
PCAP = "application/vnd.tcpdump.pcap"
DOCUMENTATION = tuple(map(IPv4Network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")))
"""Prefixes that no network has (RFC 5737), but for those of examples."""

DRAWN = 32
"""Packets to addresses anywhere: one way out for a quarter of all is missed once in ten thousand times."""


class Probe(Evidence):
    """One crafted frame and the one-time token in its payload."""

    token: bytes
    frame: bytes

    @property
    def packet(self) -> bytes:
        """The IPv4 packet without its Ethernet header."""
        return self.frame[14:]


class Probes(Evidence):
    """Frames from one LAN host to another, each a flow of its own (a source port of its own), sent *copies* times.

    *allowed_losses* is how many of them may be missing at the target, because the scenario's underlay loses some.
    """

    source: str
    target: str
    protocol: Kind
    destination_port: int
    frames: tuple[Probe, ...]
    copies: int = 1
    allowed_losses: int = 0

    def opened(self, context: Context) -> AbstractContextManager[None]:
        """Hold the port at the target open, so that nothing but the path decides what happens."""
        target = context.host(self.target)
        ports = [] if self.protocol == "icmp" else [(str(self.protocol), self.destination_port)]
        return listening(target.namespace, target.ip, ports)

    def least_arrivals(self) -> tuple[int, str]:
        """Return how many packets have to arrive, and the same in words."""
        sent = len(self.frames) * self.copies
        least = sent - self.allowed_losses
        return least, str(least) if least == sent else f"≥ {least} of {sent}: loss is declared"


class Strays(Evidence):
    """Frames from one LAN host to addresses that are in no LAN: no tunnel takes them, and no gateway may send them."""

    source: str
    frames: tuple[Probe, ...]
    copies: int = 1

    def opened(self, context: Context) -> AbstractContextManager[None]:
        """Open nothing: there is no target."""
        return nullcontext()


class Sent(Protocol):
    """What :func:`exchange` sends: :class:`Probes`, or others that open at their target what they need there."""

    @property
    def source(self) -> str:
        """Return the host that sends."""

    @property
    def frames(self) -> tuple[Probe, ...]:
        """Return the frames in the order of sending."""

    @property
    def copies(self) -> int:
        """Return how many times all are sent."""

    def opened(self, context: Context) -> AbstractContextManager[None]:
        """Have the target take what comes, for the length of the block."""


class CaptureFile(Evidence):
    """A finished capture; *name* is for people. One of an underlay's link has the *underlay* and the *site* there."""

    file: File
    name: str
    underlay: str = ""
    site: str = ""

    def frames(self, probes: Sequence[Probe]) -> list[list[Frame]]:
        """Return, for each of *probes*, the frames that hold its token."""
        return find_each(self.file, [item.token for item in probes])

    def sightings(self, probes: Sequence[Probe]) -> list[int]:
        """Return how many frames hold each probe's token."""
        return [len(frames) for frames in self.frames(probes)]


class AuditedLink(CaptureFile):
    """A capture of a link that goes on; not *whole* when it was full, so that more may have come.

    *esp* is what it leaves out: whole ESP packets between gateways, counted; *uncounted* ones had no room.
    """

    whole: bool
    esp: tuple[EspCount, ...]
    uncounted: int


class SentEsp(Evidence):
    """ESP packets on a *link*: how many were *seen*, and how many their gateway said afterwards that it had *sent*."""

    link: str
    source: str
    destination: str
    spi: str
    seen: int
    sent: int


@dataclass(frozen=True)
class Point:
    """A place where frames are captured, and what :class:`CaptureFile` says of it."""

    capture: Capture
    name: str
    underlay: str = ""
    site: str = ""

    @property
    def result(self) -> CaptureFile:
        """Return the capture as evidence, once it has ended."""
        return CaptureFile(file=self.capture.path, name=self.name, underlay=self.underlay, site=self.site)


class UdpVerb(PathVerb):
    """Base of verbs that send UDP packets, each a flow of its own."""

    destination_port: int = Field(ge=1, le=65535, description="a UDP port that the service's flows allow")
    packets: int = Field(default=10, ge=1, le=1000, description="how many are sent each way")
    within_seconds: float = Field(default=3, gt=0, description="how long the last packet may take to arrive")

    def probes(self, context: Context, source: str, target: str) -> Probes:
        """Return the packets from host *source* to host *target*."""
        port = self.destination_port
        return make(context, source, target, protocol="udp", destination_port=port, count=self.packets)


def make(
    context: Context,
    source: str,
    target: str,
    *,
    protocol: Kind,
    destination_port: int,
    count: int,
    copies: int = 1,
    icmp_type: int = 8,
) -> Probes:
    """Return *count* probes from host *source* to host *target*; the next hop is found by real ARP."""
    addresses = _addresses(context, source) | {"destination": context.host(target).ip}
    ports = (context.take_port(protocol) for _ in range(count))
    frames = (_crafted(protocol, addresses, port, destination_port, icmp_type) for port in ports)
    return Probes(
        source=source,
        target=target,
        protocol=protocol,
        destination_port=destination_port,
        frames=tuple(frames),
        copies=copies,
        allowed_losses=losses.allowed(context, source, target, count * copies),
    )


def make_strays(context: Context, source: str, target: str, allowed: Allowed) -> Strays:
    """Return a packet of each protocol to each of :func:`outside`'s addresses, and :data:`DRAWN` to others.

    Their ports are some that are *allowed*.
    """
    ends, rng = _addresses(context, source), SystemRandom()
    places = [(address, *flow) for address in outside(context, source, target) for flow in allowed.one_each()]
    for kind, _, port in allowed.draw(rng, DRAWN):
        places.append((_anywhere(context, rng), kind, port))
    frames = (
        _crafted(kind, ends | {"destination": address}, context.take_port(kind), port) for address, kind, port in places
    )
    return Strays(source=source, frames=tuple(frames))


def _addresses(context: Context, source: str) -> dict[str, str]:
    """Return the addresses of frames from host *source*, but for their destination; the next hop is found by ARP."""
    sender = context.host(source)
    own = interface_mac(sender.namespace, sender.interface)
    return {"source_mac": own, "destination_mac": gateway_mac(context, source), "source": sender.ip}


def _crafted(
    kind: Kind, addresses: Mapping[str, str], source_port: int, destination_port: int, icmp_type: int = 8
) -> Probe:
    token = canary()
    frame = probe(
        kind,
        source_mac=addresses["source_mac"],
        destination_mac=addresses["destination_mac"],
        source=addresses["source"],
        destination=addresses["destination"],
        source_port=source_port,
        destination_port=destination_port,
        payload=token,
        icmp_type=icmp_type,
        icmp_id=source_port,
    )
    return Probe(token=token, frame=frame)


def outside(context: Context, source: str, target: str) -> list[str]:
    """Return addresses in no LAN: by underlay the other site's own one and one of nobody; and one far from all."""
    topology = context.scenario.topology
    near, far = (topology.sites[context.site_of(host)] for host in (source, target))
    used = _networks(context)
    taken = {
        address for site in topology.sites.values() for wan in site.wan.values() for address in (wan.address, wan.nat)
    }

    def there() -> Iterator[IPv4Address]:
        underlays = {wan.underlay for wan in near.wan.values()}
        yield from (wan.outside for wan in far.wan.values() if wan.underlay in underlays)
        for name in sorted(underlays):
            yield from islice((free for free in topology.underlays[name].prefix.hosts() if free not in taken), 1)
        yield from islice((network[1] for network in DOCUMENTATION if not any(map(network.overlaps, used))), 1)

    return list(map(str, there()))


def _anywhere(context: Context, rng: Random) -> str:
    """Return an address of all those of the Internet, in no LAN and on no underlay."""
    networks = _networks(context)
    while True:
        address = IPv4Address(rng.getrandbits(32))
        if address.is_global and not address.is_multicast and not any(address in network for network in networks):
            return str(address)


def _networks(context: Context) -> list[IPv4Network]:
    topology = context.scenario.topology
    return [site.lan for site in topology.sites.values()] + [entry.prefix for entry in topology.underlays.values()]


def gateway_mac(context: Context, host: str) -> str:
    """Return the MAC address of *host*'s gateway by ARP; raises ``NetworkFault`` when it does not answer."""
    end, gateway = context.host(host), str(context.scenario.topology.sites[context.site_of(host)].gateway)
    try:
        return resolve(end.namespace, end.interface, end.ip, gateway)
    except PacketError as silence:
        raise NetworkFault(f"ARP of {host} for its gateway {gateway}", "an answer", str(silence)) from silence


def host_point(
    context: Context, recorder: Recorder, host: str, *, direction: Direction = "in", prefix: str = ""
) -> Point:
    """Return the capture point on *host*'s LAN interface, by default of the frames that arrive there."""
    node, path = context.host(host), recorder.path(f"{prefix}{host}.pcap")
    return Point(Capture(node.namespace, node.interface, path, lab=context.lab.id, direction=direction), host)


def underlay_points(context: Context, recorder: Recorder) -> list[Point]:
    """Return a capture point on every link of every underlay."""
    return [
        Point(
            Capture(node.namespace, interface, recorder.path(f"{name}-{site}.pcap"), lab=context.lab.id),
            f"{name} {site}",
            name,
            site,
        )
        for name, node in context.lab.underlays.items()
        for site, interface in node.ports.items()
    ]


def port_point(context: Context, recorder: Recorder, site: str, port: str, label: str, prefix: str = "") -> Point:
    """Return the capture point on *port* of the switch in *site*'s uCPE; *label* names it for people."""
    path = recorder.path(f"{prefix}{site}-{port}.pcap")
    return Point(Capture(context.lab.ucpes[site].namespace, port, path, lab=context.lab.id), label)


def exchange(
    context: Context,
    recorder: Recorder,
    probes: Sequence[Sent],
    points: Sequence[Point],
    far: Point,
    last: str,
    within_seconds: float,
    spacing: float = SPACING_SECONDS,
) -> None:
    """Send all *probes* with their target's ports open and captures at all *points*, which are kept as evidence.

    Two frames leave *spacing* seconds apart. Returns when the last probe of all is captured at *far*, or
    *within_seconds* later; *last* names it for people.
    """
    exchange_all(context, recorder, probes, points, [(far, probes[-1])], last, within_seconds, spacing)


def exchange_all(
    context: Context,
    recorder: Recorder,
    probes: Sequence[Sent],
    points: Sequence[Point],
    arrivals: Sequence[tuple[Point, Sent]],
    last: str,
    within_seconds: float,
    spacing: float = SPACING_SECONDS,
) -> None:
    """Do what :func:`exchange` does, until at each point in *arrivals* the last of what is sent there is captured."""
    with captures([point.capture for point in points]), ExitStack() as opened:
        for item in probes:
            opened.enter_context(item.opened(context))
        for item in probes:
            host = context.host(item.source)
            frames = [entry.frame for entry in item.frames * item.copies]
            send(host.namespace, host.interface, frames, spacing)

        def arrived() -> bool:
            return all(_has_last(point, sent) for point, sent in arrivals)

        recorder.until(last, within_seconds, arrived, pause=LOOK_SECONDS)
    for point in points:
        recorder.file(point.capture.path, f"capture at {point.name}", PCAP)


def _has_last(point: Point, sent: Sent) -> bool:
    """Tell whether the last of what is *sent* is in the live capture at *point*."""
    path = point.capture.path
    return path.exists() and seen_so_far(path, sent.frames[-1].token)
