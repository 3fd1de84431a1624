"""Check the names in a lab's description: malformed ones, reserved ones, duplicates."""

from __future__ import annotations

import re
from collections.abc import Iterator

from common.findings import Fault
from testbed.nodes.ucpe import BRIDGE, LAN_PORT, MANAGEMENT
from testbed.spec.model import LabSpec, SiteSpec

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
INTERFACE_LENGTH = 15  # IFNAMSIZ of Linux, without the zero at its end
MAX_SITES = 253
"""The management network is a /24, and the machine itself has an address in it."""
UCPE_ON_LAN = "ucpe"
"""What a LAN's bridge calls the port to the site's uCPE; the others are called as the hosts behind them."""

_KERNELS_OWN = (
    *("lo", "tunl0", "gre0", "gretap0", "erspan0", "sit0"),
    *("ip_vti0", "ip6_vti0", "ip6tnl0", "ip6gre0"),
)
_TAKEN_PORTS = {
    **dict.fromkeys(_KERNELS_OWN, "the kernel's own interface"),
    **dict.fromkeys(("all", "default"), "the kernel's word for every interface"),
    "docker0": "Docker's own bridge",
    MANAGEMENT: "the management port of every uCPE",
    LAN_PORT: "the LAN port of every uCPE",
    BRIDGE: "the bridge of every uCPE",
}


def name_findings(spec: LabSpec) -> Iterator[Fault]:
    """Yield the faults of the names of the lab and its parts."""
    if not NAME.fullmatch(spec.name):
        yield Fault((), _no_name(spec.name))
    if len(spec.sites) > MAX_SITES:
        yield Fault(("sites",), f"a lab has at most {MAX_SITES} sites, not {len(spec.sites)}")
    yield from _node_names(spec)
    for site in spec.sites:
        yield from _ports(site)


def _node_names(spec: LabSpec) -> Iterator[Fault]:
    """A node is found by its name alone, so underlays, sites and hosts share one set of names."""
    parts = [(("underlays", underlay.name), "an underlay") for underlay in spec.underlays]
    parts += [(("sites", site.name), "a site") for site in spec.sites]
    hosts = [(("sites", site.name, "hosts", host.name), site.name) for site in spec.sites for host in site.hosts]
    taken: dict[str, str] = {UCPE_ON_LAN: "what every LAN calls its uCPE"}
    for path, what in [*parts, *((path, f"a host of {site}") for path, site in hosts)]:
        name = path[-1]
        if not NAME.fullmatch(name):
            yield Fault(path, _no_name(name))
        elif name in taken:
            yield Fault(path, f"the name {name!r} is taken: it is {taken[name]}", "give it another name")
        taken.setdefault(name, what)


def _ports(site: SiteSpec) -> Iterator[Fault]:
    seen: set[str] = set()
    for wan in site.wan:
        path, port = ("sites", site.name, "wan", wan.port), wan.port
        if not NAME.fullmatch(port):
            yield Fault(path, _no_name(port))
        elif len(port) > INTERFACE_LENGTH:
            message = f"a port has a name of at most {INTERFACE_LENGTH} characters, {port!r} has {len(port)}"
            yield Fault(path, message)
        elif taken := _taken(port):
            yield Fault(path, f"the name {port!r} is taken: it is {taken}", "call the port wan0")
        if port in seen:
            yield Fault(path, f"the port {port!r} is given twice")
        seen.add(port)


def _taken(port: str) -> str:
    """Return what else has that name on every uCPE; Open vSwitch makes its own ones as it needs them."""
    return "Open vSwitch's own interface" if port.startswith("ovs-") else _TAKEN_PORTS.get(port, "")


def _no_name(name: str) -> str:
    return f"{name!r} is no name: lower-case letters, digits and hyphens, a letter first, at most 31"
