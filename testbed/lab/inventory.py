"""The inventory that an orchestrator reads: how each uCPE is reached, and which UNIs there are. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from testbed.nodes.ucpe import BRIDGE, DOCKER_PORT, LAN_MTU, LAN_PORT, OPENFLOW_PORT, OVSDB_PORT
from testbed.spec.model import LabSpec, SiteSpec

UNIS = uuid.UUID("8b0f0f6e-5d5c-4f0b-9a52-6f6d0c0e7a51")


def inventory(
    lab: str, spec: LabSpec, addresses: Mapping[str, str], pki: Path, engines: Mapping[str, str]
) -> dict[str, Any]:
    """Return the inventory of *lab*: *addresses* maps each site to its management address.

    *engines* says what the uCPEs have: ``esp`` (``kernel`` or ``libipsec``), ``datapath`` (``system`` or ``netdev``).
    """
    tls = {"ca": str(pki / "ca.pem"), "certificate": str(pki / "client.pem"), "key": str(pki / "client.key")}
    return {
        "ucpes": [_ucpe(site, addresses[site.name], tls, engines) for site in spec.sites],
        "unis": [_uni(lab, site) for site in spec.sites],
    }


def uni_id(lab: str, site: str) -> str:
    """Return the id of the UNI of *site*: a UUID, always the same for the same lab and site."""
    return str(uuid.uuid5(UNIS, f"{lab}/{site}/{LAN_PORT}"))


def _ucpe(site: SiteSpec, address: str, tls: Mapping[str, str], engines: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": site.name,
        "docker": f"tcp://{address}:{DOCKER_PORT}",
        "ovsdb": f"ssl:{address}:{OVSDB_PORT}",
        "openflow": f"ssl:{address}:{OPENFLOW_PORT}",
        "bridge": BRIDGE,
        "tls": dict(tls),
        "wan": [
            {"port": wan.port, "underlay": wan.underlay, "address": wan.address, "gateway": None} for wan in site.wan
        ],
        "engines": dict(engines),
    }


def _uni(lab: str, site: SiteSpec) -> dict[str, Any]:
    return {
        "id": uni_id(lab, site.name),
        "name": f"{site.name}-{LAN_PORT}",
        "ucpe": site.name,
        "port": LAN_PORT,
        "prefix": site.lan_prefix,
        "provider_address": site.lan_gateway,
        "mtu": LAN_MTU,
    }
