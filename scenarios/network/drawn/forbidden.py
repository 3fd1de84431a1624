"""What the ordered service lets nowhere pass: packets from all over the complement of its flows, drawn from a seed.

They are of no flow that a step names. Their ports lie beside those that flows allow, and all over the rest; protocols
are others than TCP, UDP and ICMP too; source and target are also other hosts of the LANs, and addresses of neither.
IPv6 is carried by no service, for its criteria are refused; what is not IP is carried by none either.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from itertools import cycle, islice
from random import Random
from typing import Any

from scenarios.file.format import Scenario
from scenarios.network.crafted import Way
from scenarios.network.drawn.allowed import ALL_PORTS
from scenarios.network.flows import NUMBERS, may_pass, open_ports, open_ranges
from scenarios.network.wire import Probe
from testbed.packets import Kind, ethernet, probe
from testbed.packets.others import C_TAG, IPV6, PORTLESS, S_TAG, SCTP, ip6, over_ip6, sctp, tagged

_CONTENT = range(16, 65)  # octets, random, by which a frame is found whatever became of its headers
_RARE_PROTOCOLS = (4, 41, 46, 89, 103, 108, 112, 115, *range(143, 255))
_RARE_TYPES = (0x0842, 0x6003, 0x8137, 0x8847, 0x8848, 0x8864, 0x8892, 0x88A4, 0x88B5, 0x88B6)
_QUERIES = (8, 13, 17)
_ATTEMPTS = 200
_BOUNDS = 4  # tried by one draw, of all ranges


class Forbidden(Probe):
    """A frame that no firewall of the service may let pass; *what* names it for people."""

    what: str


def draw(rng: Random, scenario: Scenario, way: Way, *, ipv6: bool = True) -> tuple[Forbidden, ...]:
    """Return frames on *way* that *scenario* lets nowhere pass, of every kind there is, in random order.

    There is no *ipv6* where the kernel has none, for its bridges drop that before anybody counts it.
    """
    made = [*_ip4(rng, scenario, way), *_foreign(rng, scenario, way)]
    if ipv6:
        made += _ip6(rng, scenario, way)
    rng.shuffle(made)
    return tuple(made)


def _ip4(rng: Random, scenario: Scenario, way: Way) -> Iterator[Forbidden]:
    """Yield IPv4 packets: other ports, other protocols; whatever their addresses are, nothing lets them pass."""
    ends = cycle(_ends(rng, scenario, way))

    def one(what: str, kind: Kind | int, content: bytes, body: bytes | None = None, **fields: Any) -> Forbidden:
        source, target = next(ends)
        fields |= _varied(rng, way) | {"source": source, "destination": target}
        frame = probe(kind, payload=content if body is None else body, **fields)
        return Forbidden(token=content, frame=frame, what=f"{what} from {source} to {target}")

    protocols: tuple[Kind, ...] = ("tcp", "udp")
    for kind in protocols:
        for port in _closed(rng, scenario, kind):
            source_port = next(_ports(rng, scenario, kind), port)
            what = f"{kind.upper()} port {port}"
            yield one(what, kind, _content(rng), source_port=source_port, destination_port=port)
    if not may_pass(scenario, "icmp"):
        for number in _QUERIES:
            yield one(f"ICMP type {number}", "icmp", _content(rng), icmp_type=number, icmp_id=rng.randrange(65536))
    if not may_pass(scenario, SCTP):
        content = _content(rng)
        ports = rng.choice(ALL_PORTS), rng.choice(open_ports(scenario, "tcp") or ALL_PORTS)
        yield one("SCTP", SCTP, content, sctp(rng, *ports, content))
    for number, (name, packed) in PORTLESS.items():
        if not may_pass(scenario, number):
            content = _content(rng)
            yield one(name, number, content, packed(rng, content))
    number = rng.choice(_RARE_PROTOCOLS)
    if not may_pass(scenario, number):
        yield one(f"IP protocol {number}", number, _content(rng))


def _ip6(rng: Random, scenario: Scenario, way: Way) -> Iterator[Forbidden]:
    """Yield IPv6 packets between addresses of nobody: TCP and UDP to ports that IPv4 may go to, and an echo request."""
    source, target = (IPv6Address((0xFD << 120) + rng.getrandbits(120)) for _ in range(2))
    for name, number in (("TCP", 6), ("UDP", 17), ("ICMP", 58)):
        kind: Kind = "tcp" if number == NUMBERS["tcp"] else "udp"
        content, ports = _content(rng), open_ports(scenario, kind) or ALL_PORTS
        body = over_ip6(number, source, target, (rng.choice(ALL_PORTS), rng.choice(ports)), content)
        frame = ethernet(way.source_mac, way.target_mac, IPV6, ip6(source, target, number, body))
        yield Forbidden(token=content, frame=frame, what=f"{name} over IPv6")


def _foreign(rng: Random, scenario: Scenario, way: Way) -> Iterator[Forbidden]:
    """Yield frames that are not IP by their own EtherType, though behind a tag there is what may pass without it."""
    for name, tag in (("VLAN", C_TAG), ("802.1ad", S_TAG)):
        kind: Kind = rng.choice(("tcp", "udp"))
        content, port = _content(rng), rng.choice(open_ports(scenario, kind) or ALL_PORTS)
        fields = _varied(rng, way) | {"source_port": rng.choice(ALL_PORTS), "destination_port": port}
        inside = probe(kind, **fields, payload=content)
        vlan = rng.randrange(1, 4095)
        yield Forbidden(token=content, frame=tagged(inside, tag, vlan), what=f"{name} {vlan}, {kind.upper()}")
    content, rare = _content(rng), rng.choice(_RARE_TYPES)
    frame = ethernet(way.source_mac, way.target_mac, rare, content)
    yield Forbidden(token=content, frame=frame, what=f"EtherType 0x{rare:04x}")


def _varied(rng: Random, way: Way) -> dict[str, Any]:
    """Return the addresses of *way*, and values for all else that no rule looks at."""
    return {
        **way.arguments(),
        "ttl": rng.randrange(32, 256) - way.routers,
        "tos": rng.randrange(64) << 2,
        "dont_fragment": rng.random() < 0.5,
        "identification": rng.randrange(1, 65536),
        "tcp_sequence": rng.randrange(1 << 32),
    }


def _closed(rng: Random, scenario: Scenario, kind: Kind) -> list[int]:
    """Return closed ports beside the ranges that are open, and one from anywhere, as far as there are any."""
    bounds = {port for ports in open_ranges(scenario, kind) for port in (ports.start - 1, ports.stop)}
    beside = [port for port in sorted(bounds) if port in ALL_PORTS and not may_pass(scenario, kind, port)]
    return [*rng.sample(beside, min(_BOUNDS, len(beside))), *islice(_ports(rng, scenario, kind), 1)]


def _ports(rng: Random, scenario: Scenario, kind: Kind) -> Iterator[int]:
    """Yield random ports that nothing may pass to: so no packet between two of them is an answer to what passed."""
    tried = (rng.choice(ALL_PORTS) for _ in range(_ATTEMPTS))
    return (port for port in tried if not may_pass(scenario, kind, port))


def _ends(rng: Random, scenario: Scenario, way: Way) -> list[tuple[str, str]]:
    """Return pairs of source and target: those of *way*, other hosts of their LANs, and addresses of anybody."""
    source, target = way.source, way.target
    near, far = _beside(rng, scenario, source), _beside(rng, scenario, target)
    pairs = [(source, target), (near, target), (source, far), (_anybody(rng), target), (source, _anybody(rng))]
    rng.shuffle(pairs)
    return pairs


def _beside(rng: Random, scenario: Scenario, address: str) -> str:
    """Return any address of the LAN that *address* is in."""
    lan = next(site.lan for site in scenario.topology.sites.values() if IPv4Address(address) in site.lan)
    return str(lan[rng.randrange(lan.num_addresses)])


def _anybody(rng: Random) -> str:
    """Return a unicast address, none of 127.0.0.0/8."""
    return str(IPv4Address(rng.choice((*range(1, 127), *range(128, 224))) << 24 | rng.getrandbits(24)))


def _content(rng: Random) -> bytes:
    return rng.randbytes(rng.choice(_CONTENT))
