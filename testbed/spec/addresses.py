"""Check the addresses in a lab's description: impossible ones, overlapping networks, duplicates."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from common.findings import Fault, nearest
from testbed.spec.model import Impairment, LabSpec, SiteSpec

Path = tuple[str, ...]
Networks = dict[Path, IPv4Network]
SMALLEST = 30
"""The longest prefix of a LAN or an underlay: two addresses, and those of the network and of the broadcast."""

_SPECIAL = {
    IPv4Network("0.0.0.0/8"): "this network only (RFC 1122)",
    IPv4Network("127.0.0.0/8"): "loopback (RFC 1122)",
    IPv4Network("169.254.0.0/16"): "link-local, which is not routed (RFC 3927)",
    IPv4Network("224.0.0.0/4"): "multicast (RFC 5771)",
    IPv4Network("240.0.0.0/4"): "reserved (RFC 1112)",
}


def address_findings(spec: LabSpec) -> Iterator[Fault]:
    """Yield the faults of the lab's networks and of the addresses in them."""
    given = {("underlays", underlay.name, "prefix"): underlay.prefix for underlay in spec.underlays}
    given |= {("sites", site.name, "lan"): site.lan_prefix for site in spec.sites}
    networks: Networks = {}
    for path, prefix in given.items():
        try:
            networks[path] = IPv4Network(prefix)
        except ValueError as error:
            yield Fault(path, f"{prefix!r} is no IPv4 network: {error}")
        else:
            yield from _unfit(path, networks[path])
    yield from _overlaps(networks)
    for site in spec.sites:
        yield from _lan(site, networks.get(("sites", site.name, "lan")))
    yield from _wan(spec, networks)


def _unfit(path: Path, network: IPv4Network) -> Iterator[Fault]:
    for block, use in _SPECIAL.items():
        if network.overlaps(block):
            yield Fault(path, f"{network} cannot be used: {block} is {use}")
            return
    if network.prefixlen > SMALLEST:
        yield Fault(path, f"{network} has no room for two addresses", f"/{SMALLEST} is the smallest")


def _overlaps(networks: Networks) -> Iterator[Fault]:
    """Yield each network that meets another one, at the later of the two."""
    places = {path: place for place, path in enumerate(networks)}
    outer: Path | None = None
    for path in sorted(networks, key=lambda path: (networks[path], places[path])):
        if outer is None or networks[path].network_address > networks[outer].broadcast_address:
            outer = path
            continue
        earlier, later = sorted((outer, path), key=places.__getitem__)
        of = f"the prefix of underlay {earlier[1]}" if earlier[0] == "underlays" else f"the LAN of {earlier[1]}"
        hint = "give every LAN and every underlay a network of its own"
        yield Fault(later, f"{networks[later]} overlaps {networks[earlier]}, {of}", hint)


def _lan(site: SiteSpec, network: IPv4Network | None) -> Iterator[Fault]:
    if network is None:
        return
    taken: dict[IPv4Address, str] = {}
    given: dict[str, tuple[Path, str]] = {"gateway": (("sites", site.name, "gateway"), site.lan_gateway)}
    given |= {f"host {host.name}": (("sites", site.name, "hosts", host.name), host.address) for host in site.hosts}
    for what, (path, text) in given.items():
        yield from _address(path, text, network, f"the LAN {network}", taken, what)


def _wan(spec: LabSpec, networks: Networks) -> Iterator[Fault]:
    taken: dict[str, dict[IPv4Address, str]] = {underlay.name: {} for underlay in spec.underlays}
    impaired = {underlay.name: underlay.impairment != Impairment() for underlay in spec.underlays}
    for site in spec.sites:
        joined: dict[str, str] = {}
        for wan in site.wan:
            path = ("sites", site.name, "wan", wan.port)
            if wan.underlay not in taken:
                yield Fault((*path, "underlay"), f"no underlay {wan.underlay!r}", nearest(wan.underlay, taken))
                continue
            if wan.underlay in joined:
                message = f"port {joined[wan.underlay]} is on underlay {wan.underlay!r} already"
                yield Fault((*path, "underlay"), message, "a site has one port on each underlay")
            joined.setdefault(wan.underlay, wan.port)
            if network := networks.get(("underlays", wan.underlay, "prefix")):
                where, what = f"{network} of underlay {wan.underlay}", f"{wan.port} of {site.name}"
                yield from _address((*path, "address"), wan.address, network, where, taken[wan.underlay], what)
                if wan.nat:
                    own = taken[wan.underlay]
                    yield from _address((*path, "nat"), wan.nat, network, where, own, f"the NAT at {what}")
            if wan.nat and impaired.get(wan.underlay):
                message = f"underlay {wan.underlay!r} is impaired, and no port behind a NAT can be"
                yield Fault((*path, "nat"), message, "leave out either")


def _address(
    path: Path, text: str, network: IPv4Network, where: str, taken: dict[IPv4Address, str], what: str
) -> Iterator[Fault]:
    """Yield why the address *text* cannot be *what* has in *network*; *taken* gathers who has which address."""
    try:
        address = IPv4Interface(text).ip
    except ValueError:
        yield Fault(path, f"{text!r} is no IPv4 address")
        return
    if address not in network:
        yield Fault(path, f"{address} is outside {where}")
    elif network.prefixlen <= SMALLEST and address in (network.network_address, network.broadcast_address):
        kind = "network itself" if address == network.network_address else "broadcast"
        yield Fault(path, f"{address} is the address of the {kind} in {where}", "give one between the two")
    elif address in taken:
        yield Fault(path, f"{address} is given twice: it is that of {taken[address]}")
    taken.setdefault(address, what)
