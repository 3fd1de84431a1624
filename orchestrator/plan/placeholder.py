"""Placeholder addresses: a /30 for each VNF port, whose only use is that Docker makes a unique MAC address of it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

_BASE = int(IPv4Address("100.64.0.0"))  # RFC 6598, shared address space: no customer may use it
_SIZE = 4

PLACEHOLDERS = 2**22 // _SIZE
"""How many there are in 100.64.0.0/10."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A /30 subnet, the address Docker wants as its gateway, the container's address and the MAC that follows."""

    subnet: str
    gateway: str
    address: str
    mac: str


def placeholder(index: int) -> Placeholder:
    """The placeholder of that number, 0 ≤ index < PLACEHOLDERS; ValueError outside."""
    if not 0 <= index < PLACEHOLDERS:
        raise ValueError(f"placeholder {index} is outside 0..{PLACEHOLDERS - 1}")
    network = IPv4Address(_BASE + index * _SIZE)
    address = network + 2
    mac = "02:42:" + ":".join(f"{byte:02x}" for byte in address.packed)
    return Placeholder(f"{network}/30", str(network + 1), str(address), mac)
