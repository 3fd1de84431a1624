"""Check the names and addresses of nodes and interfaces where a script gives them, before anything starts."""

from __future__ import annotations

import re
from ipaddress import ip_interface

LONGEST = 15  # characters of an interface's name (IFNAMSIZ without its last octet)
NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")  # it is a file's, a container's and a computer's name too
INTERFACE = re.compile(r"[^\s/:%]+")
MAC = re.compile(r"[0-9A-Fa-f]{1,2}(:[0-9A-Fa-f]{1,2}){5}")


def check_node(name: str) -> None:
    """Raise ``ValueError`` for a name that no node can have."""
    if not isinstance(name, str) or not NODE.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot name a node: 1 to 63 letters, digits, dots, hyphens and underscores, "
            "a letter or a digit first"
        )


def check_interface(node: str, name: str) -> None:
    """Raise ``ValueError`` for a name that no interface can have."""
    if len(name.encode()) > LONGEST:
        raise ValueError(
            f"{node}: the interface name {name!r} has {len(name.encode())} characters, {LONGEST} is the limit: "
            "give the node a shorter name, or the link an intfName1 or intfName2"
        )
    if not INTERFACE.fullmatch(name) or name in (".", ".."):
        raise ValueError(f"{node}: {name!r} cannot name an interface: no space, slash, colon or per cent sign")


def check_mac(node: str, address: str | None) -> None:
    """Raise ``ValueError`` for a MAC address that no interface can have; None is one to be drawn by lot."""
    if address is None:
        return
    if not MAC.fullmatch(address):
        raise ValueError(f"{node}: {address!r} is no MAC address, such as 02:00:00:00:00:01")
    octets = [int(octet, 16) for octet in address.split(":")]
    if octets[0] & 1 or not any(octets):
        raise ValueError(f"{node}: {address} is no MAC address of one interface: it is a group's, or none at all")


def check_ip(node: str, address: str) -> None:
    """Raise ``ValueError`` for what is no IPv4 or IPv6 address, with or without a prefix length."""
    try:
        ip_interface(address)
    except ValueError as wrong:
        raise ValueError(f"{node}: {address!r} is no IP address, such as 10.0.0.1/8: {wrong}") from None
