"""Probes between two LAN hosts and captures along their way: what the wire verbs share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scenarios import losses
from scenarios.context import Context
from scenarios.proof import Fault, Proof
from testbed.capture import Capture, captures, find_bytes, seen_so_far
from testbed.packets import Kind, PacketError, canary, interface_mac, listening, probe, resolve, send

SPACING_SECONDS = 0.002
FIRST_SOURCE_PORT = 40_000
PCAP = "application/vnd.tcpdump.pcap"


@dataclass(frozen=True)
class Probe:
    """One crafted frame and the one-time token in its payload."""

    token: bytes
    frame: bytes

    @property
    def packet(self) -> bytes:
        """The IPv4 packet without its Ethernet header."""
        return self.frame[14:]


@dataclass(frozen=True)
class Probes:
    """Frames from one LAN host to another, each a flow of its own (a source port of its own)."""

    context: Context
    source: str
    target: str
    protocol: Kind
    destination_port: int
    frames: tuple[Probe, ...]

    def send(self) -> None:
        """Send all frames into the source's LAN; a real socket stands at the target's port meanwhile."""
        host = self.context.host(self.source)
        send(host.namespace, host.interface, [item.frame for item in self.frames], SPACING_SECONDS)

    def allowed_losses(self) -> int:
        """Return how many of the packets may be missing at the target, because the scenario's underlay loses some."""
        return losses.allowed(self.context, self.source, self.target, len(self.frames))

    def least_arrivals(self) -> tuple[int, str]:
        """Return how many packets have to arrive, and the same in words."""
        least = len(self.frames) - self.allowed_losses()
        return least, str(least) if least == len(self.frames) else f"≥ {least} of {len(self.frames)}: loss is declared"

    @contextmanager
    def target_open(self) -> Iterator[None]:
        """Hold the target's port open, so that nothing but the path decides what happens."""
        target = self.context.host(self.target)
        ports = [] if self.protocol == "icmp" else [(str(self.protocol), self.destination_port)]
        with listening(target.namespace, target.ip, ports):
            yield


def make(
    context: Context, source: str, target: str, *, protocol: Kind, destination_port: int, count: int, icmp_type: int = 8
) -> Probes:
    """Return *count* probes from host *source* to host *target*; the next hop is found by real ARP."""
    sender, receiver = context.host(source), context.host(target)
    own = interface_mac(sender.namespace, sender.interface)
    next_hop = gateway_mac(context, source)
    first = context.take_ports(count)

    def one(number: int) -> Probe:
        token = canary()
        frame = probe(
            protocol,
            source_mac=own,
            destination_mac=next_hop,
            source=sender.ip,
            destination=receiver.ip,
            source_port=FIRST_SOURCE_PORT + first + number,
            destination_port=destination_port,
            payload=token,
            icmp_type=icmp_type,
            icmp_id=FIRST_SOURCE_PORT + first + number,
        )
        return Probe(token, frame)

    return Probes(context, source, target, protocol, destination_port, tuple(one(n) for n in range(count)))


def gateway_mac(context: Context, host: str) -> str:
    """Return the MAC address that answers ARP for the gateway of *host*'s LAN; raises ``Fault`` when none does."""
    end, gateway = context.host(host), str(context.scenario.topology.sites[context.site_of(host)].gateway)
    try:
        return resolve(end.namespace, end.interface, end.ip, gateway)
    except PacketError as silence:
        raise Fault(f"ARP of {host} for its gateway {gateway}", "an answer", str(silence)) from silence


@dataclass(frozen=True)
class Point:
    """A place where frames are captured: a short name, the interface in its namespace, the site that it leads to."""

    name: str
    capture: Capture
    site: str = ""

    def sightings(self, probes: Sequence[Probe]) -> list[int]:
        """Return how many frames of the finished capture hold each probe's token."""
        return [len(find_bytes(self.capture.path, item.token)) for item in probes]


def host_point(context: Context, proof: Proof, host: str) -> Point:
    """Return the capture point on *host*'s LAN interface, frames that arrive there only."""
    node = context.host(host)
    path = proof.path(f"{host}.pcap")
    return Point(host, Capture(node.namespace, node.interface, path, lab=context.lab.id, direction="in"))


def underlay_points(context: Context, proof: Proof) -> list[Point]:
    """Return a capture point on every link of every underlay."""
    return [
        Point(f"{name} {site}", Capture(node.namespace, interface, _name(proof, name, site), lab=context.lab.id), site)
        for name, node in context.lab.underlays.items()
        for site, interface in node.ports.items()
    ]


def port_point(context: Context, proof: Proof, site: str, port: str, label: str) -> Point:
    """Return the capture point on *port* of the switch in *site*'s uCPE; *label* names it for people."""
    namespace = context.lab.ucpes[site].namespace
    return Point(label, Capture(namespace, port, _name(proof, site, port), lab=context.lab.id))


def _name(proof: Proof, *parts: str) -> Path:
    return proof.path("-".join(parts) + ".pcap")


@contextmanager
def watched(proof: Proof, points: Sequence[Point]) -> Iterator[None]:
    """Capture at all *points* around the block; all are live before it starts, and kept as evidence."""
    with captures([point.capture for point in points]):
        yield
    for point in points:
        proof.add_file(point.capture.path, f"capture at {point.name}", PCAP)


def arrived(probes: Probes, point: Point) -> Callable[[], bool]:
    """Return a condition on the live capture at *point*: the last probe's token is in it."""

    def condition() -> bool:
        path = point.capture.path
        return bool(path.exists() and seen_so_far(path, probes.frames[-1].token))

    return condition
