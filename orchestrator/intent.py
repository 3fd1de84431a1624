"""What a template, filled with its inputs, asks of one site: an ordered chain of VNFs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["lan", "wan"]
"""A VNF's port by the side it faces."""


@dataclass(frozen=True, slots=True)
class PortIntent:
    """One port of a VNF: `addresses` are prefixes with host part (`10.1.0.1/24`), empty for a transparent VNF.

    `mtu` is in bytes of the IP packet; `gateway` is the next hop of the default route through this port.
    """

    role: Role
    mtu: int
    addresses: tuple[str, ...] = ()
    gateway: str | None = None


@dataclass(frozen=True, slots=True)
class VnfIntent:
    """One VNF: its kind (`firewall`, `statistics`, `ipsec`), what to run, and the kind-specific object (`config`) of
    the VNF contract's intent.

    `config` may hold private keys and never appears in the representation. `transparent` VNFs pass Ethernet frames
    between their two ports; the others are IP hops.
    """

    name: str
    kind: str
    node_type: str
    image: str
    linux_capabilities: tuple[str, ...]
    devices: tuple[str, ...]
    sysctls: Mapping[str, str]
    ports: tuple[PortIntent, ...]
    config: Mapping[str, Any] = field(repr=False)
    transparent: bool

    def port(self, role: Role) -> PortIntent:
        """The port of that role; KeyError when the VNF has none."""
        for port in self.ports:
            if port.role == role:
                return port
        raise KeyError(role)


@dataclass(frozen=True, slots=True)
class SiteIntent:
    """The chain of one site, ordered from LAN to WAN, between two external ports of the uCPE's bridge."""

    template: str
    vnfs: tuple[VnfIntent, ...]
    lan_port: str = "lan0"
    wan_port: str = "wan0"
