"""The picture of a topology as a result carries it: what was there, in the order in which packets meet it.

It is a record of its own, so that a report can be rendered years later, on another machine, without the test-bed.
Every part that can be drawn has an *element id*; checks and steps name elements to give them a verdict.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    """Base of everything in a result: immutable, refuses unknown keys and numbers that JSON cannot carry."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class HostPicture(Record):
    """A LAN host behind a site. `address` is an interface address, for example `10.1.0.10/24`."""

    name: str
    address: str

    def element(self, site: str) -> str:
        """Element id of this host at `site`: `host:<site>/<name>`."""
        return f"host:{site}/{self.name}"


class VnfPicture(Record):
    """One VNF of a chain: its node template's name, its kind and which product it really was."""

    name: str
    kind: str = Field(description="ipsec, firewall, statistics or another kind of the VNF contract")
    vendor: str = ""
    version: str = ""
    image: str = ""

    def element(self, site: str) -> str:
        """Element id of this VNF at `site`: `vnf:<site>/<name>`."""
        return f"vnf:{site}/{self.name}"


class WanPort(Record):
    """A WAN port of a uCPE, with the underlay that it is plugged into."""

    port: str
    underlay: str
    address: str = ""


class SitePicture(Record):
    """A site: LAN hosts, the uCPE's chain ordered from LAN to WAN, and its WAN ports."""

    name: str
    lan_prefix: str
    lan_port: str = "lan0"
    hosts: tuple[HostPicture, ...] = ()
    chain: tuple[VnfPicture, ...] = ()
    wan: tuple[WanPort, ...] = ()

    @property
    def element(self) -> str:
        """Element id: `site:<name>`; it stands for the site's uCPE."""
        return f"site:{self.name}"


class UnderlayPicture(Record):
    """An underlay network and the impairment that was put on it (milliseconds, percent, Mbit/s)."""

    name: str
    prefix: str = ""
    delay_ms: float = 0
    jitter_ms: float = 0
    loss_percent: float = 0
    rate_mbit: float | None = None

    @property
    def element(self) -> str:
        """Element id: `underlay:<name>`."""
        return f"underlay:{self.name}"


class TunnelPicture(Record):
    """A tunnel between two sites over an underlay, as both ends reported it.

    `state` is the gateway's word (`ESTABLISHED`, `INSTALLED`, …; empty when never seen), `spis` the hexadecimal
    SPIs of the CHILD SAs, one for each direction (RFC 4303 §2.1).
    """

    site_a: str
    site_b: str
    underlay: str = ""
    state: str = ""
    algorithm: str = ""
    spis: tuple[str, ...] = ()

    @property
    def element(self) -> str:
        """Element id: `tunnel:<site>--<site>`, site names sorted, so that either end names the same tunnel."""
        return tunnel_element(self.site_a, self.site_b)


def tunnel_element(site_a: str, site_b: str) -> str:
    """Element id of the tunnel between two sites, whichever is named first."""
    return "tunnel:" + "--".join(sorted((site_a, site_b)))


class TopologyPicture(Record):
    """Sites, underlays and the tunnels between sites."""

    sites: tuple[SitePicture, ...] = ()
    underlays: tuple[UnderlayPicture, ...] = ()
    tunnels: tuple[TunnelPicture, ...] = ()
