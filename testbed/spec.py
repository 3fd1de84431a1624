"""What a lab shall look like: sites, LAN hosts, underlays. Plain values, nothing is started here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv4Network, ip_interface, ip_network

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


class SpecError(ValueError):
    """A lab that cannot exist; ``findings`` holds one sentence for each fault."""

    def __init__(self, findings: tuple[str, ...]) -> None:
        super().__init__("; ".join(findings))
        self.findings = findings


@dataclass(frozen=True)
class Impairment:
    """What an underlay does to each packet, per direction; the default does nothing."""

    delay_ms: float = 0
    jitter_ms: float = 0
    loss_percent: float = 0
    rate_mbit: float | None = None


@dataclass(frozen=True)
class UnderlaySpec:
    """One transport network (Internet, MPLS …): a layer-2 segment with its IPv4 *prefix*."""

    name: str
    prefix: str
    impairment: Impairment = field(default_factory=Impairment)


@dataclass(frozen=True)
class HostSpec:
    """One computer on a site's LAN; *address* is an interface address such as ``10.1.0.10/24``."""

    name: str
    address: str


@dataclass(frozen=True)
class WanSpec:
    """One WAN port of a uCPE: its *port* name, the *underlay* it is plugged into, its interface address."""

    port: str
    underlay: str
    address: str


@dataclass(frozen=True)
class SiteSpec:
    """One customer site: a uCPE, its LAN with hosts, and its WAN ports.

    *lan_gateway* is the address (without length) that the site's gateway VNF will hold on the LAN.
    """

    name: str
    lan_prefix: str
    lan_gateway: str
    hosts: tuple[HostSpec, ...]
    wan: tuple[WanSpec, ...]


@dataclass(frozen=True)
class LabSpec:
    """A whole emulated network."""

    name: str
    sites: tuple[SiteSpec, ...]
    underlays: tuple[UnderlaySpec, ...]

    def check(self) -> None:
        """Raise ``SpecError`` with every fault of this lab; return nothing when there is none."""
        findings = (*_names(self), *(text for site in self.sites for text in _site(site, self.underlays)))
        if findings:
            raise SpecError(findings)


def _names(spec: LabSpec) -> tuple[str, ...]:
    findings = []
    hosts = [host.name for site in spec.sites for host in site.hosts]
    names = [site.name for site in spec.sites] + [underlay.name for underlay in spec.underlays] + hosts
    for name in (spec.name, *names):
        if not NAME.fullmatch(name):
            findings.append(f"{name!r} is no name: lower-case letters, digits and hyphens, a letter first, at most 31")
    for name in sorted({name for name in names if names.count(name) > 1}):
        findings.append(f"the name {name!r} is given {names.count(name)} times among sites, hosts and underlays")
    for underlay in spec.underlays:
        if _network(underlay.prefix) is None:
            findings.append(f"underlay {underlay.name!r}: prefix {underlay.prefix!r} is no IPv4 network")
    return tuple(findings)


def _site(site: SiteSpec, underlays: tuple[UnderlaySpec, ...]) -> tuple[str, ...]:
    lan = _network(site.lan_prefix)
    if lan is None:
        return (f"site {site.name!r}: lan_prefix {site.lan_prefix!r} is no IPv4 network",)
    findings = [
        f"site {site.name!r}: {what} {address!r} is no address of {lan}"
        for what, address in (("lan_gateway", site.lan_gateway), *((f"host {h.name!r}", h.address) for h in site.hosts))
        if not _inside(address, lan)
    ]
    prefixes = {underlay.name: _network(underlay.prefix) for underlay in underlays}
    ports = [wan.port for wan in site.wan]
    twice = sorted({port for port in ports if ports.count(port) > 1})
    findings += [f"site {site.name!r}: port {port!r} is given twice" for port in twice]
    joined = [wan.underlay for wan in site.wan]
    more = sorted({name for name in joined if joined.count(name) > 1})
    findings += [f"site {site.name!r}: has more than one port on underlay {name!r}" for name in more]
    for wan in site.wan:
        if wan.underlay not in prefixes:
            findings.append(f"site {site.name!r}: {wan.port} names an unknown underlay {wan.underlay!r}")
        elif (prefix := prefixes[wan.underlay]) is not None and not _inside(wan.address, prefix):
            findings.append(f"site {site.name!r}: {wan.port} {wan.address!r} is no address of {prefix}")
    return tuple(findings)


def _network(text: str) -> IPv4Network | None:
    try:
        network = ip_network(text)
    except ValueError:
        return None
    return network if isinstance(network, IPv4Network) else None


def _inside(text: str, network: IPv4Network) -> bool:
    try:
        interface = ip_interface(text)
    except ValueError:
        return False
    return isinstance(interface, IPv4Interface) and interface.ip in network
