"""The description of a lab: sites, LAN hosts, underlays. Plain values, nothing is started here."""

from __future__ import annotations

from dataclasses import dataclass, field


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
    """One WAN port of a uCPE: its *port* name, the *underlay* it is plugged into, its interface address.

    With *nat* a router is between the two, which gives that address (without length) to all that leaves the port.
    """

    port: str
    underlay: str
    address: str
    nat: str = ""


@dataclass(frozen=True)
class SiteSpec:
    """One customer site: a uCPE, its LAN with hosts, and its WAN ports.

    *lan_gateway* is the address (without length) that the site's gateway VNF will hold on the LAN. *make* is which
    uCPE it is, one of ``testbed.images.recipes.UCPES``.
    """

    name: str
    lan_prefix: str
    lan_gateway: str
    hosts: tuple[HostSpec, ...]
    wan: tuple[WanSpec, ...]
    make: str = "debian-12"


@dataclass(frozen=True)
class LabSpec:
    """A whole emulated network."""

    name: str
    sites: tuple[SiteSpec, ...]
    underlays: tuple[UnderlaySpec, ...]
