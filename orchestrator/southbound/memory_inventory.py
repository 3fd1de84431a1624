"""An inventory of any size for uCPEs in memory."""

from __future__ import annotations

from ipaddress import IPv4Address
from uuid import UUID

from orchestrator.inventory import Inventory

MAX_SITES = 2**18
"""As many as there are /26 in 10.0.0.0/8."""
_LAN, _WAN = int(IPv4Address("10.0.0.0")), int(IPv4Address("172.16.0.0"))


def memory_inventory(sites: int) -> Inventory:
    """`sites` uCPEs `site-00001` … on one underlay, each with a UNI `site-00001-lan0`; 1 to MAX_SITES of them.

    Raises ValueError.
    """
    if not 1 <= sites <= MAX_SITES:
        raise ValueError(f"{sites} sites: choose 1 to {MAX_SITES}")
    numbers = range(1, sites + 1)
    return Inventory.model_validate({"ucpes": [*map(_ucpe, numbers)], "unis": [*map(_uni, numbers)]})


def _name(number: int) -> str:
    return f"site-{number:05}"


def _ucpe(number: int) -> dict[str, object]:
    return {
        "id": _name(number),
        "docker": "tcp://memory.invalid:2376",
        "ovsdb": "ssl:memory.invalid:6640",
        "openflow": "ssl:memory.invalid:6653",
        "bridge": "br-ucpe",
        "wan": [{"port": "wan0", "underlay": "internet", "address": f"{IPv4Address(_WAN + number)}/12"}],
    }


def _uni(number: int) -> dict[str, object]:
    base = _LAN + (number - 1) * 64
    return {
        "id": str(UUID(int=number << 96 | 4 << 76 | 8 << 60)),
        "name": f"{_name(number)}-lan0",
        "ucpe": _name(number),
        "port": "lan0",
        "prefix": f"{IPv4Address(base)}/26",
        "provider_address": str(IPv4Address(base + 1)),
    }
