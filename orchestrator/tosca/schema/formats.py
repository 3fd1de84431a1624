"""What TOSCA's constraints cannot say about our text types: addresses, prefixes, ports and PEM that really are ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv4Interface, NetmaskValueError, ip_network

from orchestrator.tosca.schema.proposals import esp_error, ike_error

SECRET = "lso.datatypes.Secret"  # noqa: S105

_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_ADDRESS_RANGE = re.compile(r"[0-9.]+-[0-9.]+")
_PEM = re.compile(r"\s*-----BEGIN [A-Z0-9 ]+-----[A-Za-z0-9+/=\s-]+-----END [A-Z0-9 ]+-----\s*")
_ADDRESS_ERRORS = (AddressValueError, NetmaskValueError, ValueError)


def format_error(type_name: str, text: str) -> str | None:
    """Why *text* is not a value of that data type of ours; None when it is one, or for any other type."""
    check = _CHECKS.get(type_name)
    return check(text) if check else None


# Each site's addresses are met again at each of its peers. Keys and certificates are not: they are not kept here.
_remembered = lru_cache(maxsize=8192)


@_remembered
def _address(text: str) -> str | None:
    try:
        IPv4Address(text)
    except _ADDRESS_ERRORS:
        return "is not an IPv4 address such as 198.51.100.1"
    return None


@_remembered
def _interface(text: str) -> str | None:
    try:
        interface = IPv4Interface(text) if _has_length(text) else None
    except _ADDRESS_ERRORS:
        interface = None
    if interface is None:
        return "is not an IPv4 address with prefix length such as 10.1.0.1/24"
    network = interface.network
    if network.prefixlen < 31 and interface.ip in {network.network_address, network.broadcast_address}:
        return f"is the network's or the broadcast address of {network}, not a host's"
    return None


@_remembered
def _prefix(text: str) -> str | None:
    try:
        interface = IPv4Interface(text) if _has_length(text) else None
    except _ADDRESS_ERRORS:
        interface = None
    if interface is None:
        return "is not an IPv4 prefix such as 10.1.0.0/24"
    if interface.ip != interface.network.network_address:
        return f"has host bits, the prefix is {interface.network}"
    return None


@_remembered
def _match(text: str) -> str | None:
    if "." in text and ":" not in text:
        return _prefix(text) if "/" in text else _address(text)
    try:
        ip_network(text)
    except _ADDRESS_ERRORS:
        return "is not an IP address or a prefix without host bits"
    return None


def _identity(text: str) -> str | None:
    anybody = text == "0.0.0.0" or _ADDRESS_RANGE.fullmatch(text)  # noqa: S104  (the text, nothing is bound)
    return "stands for any peer, and a gateway is one" if anybody else None


@_remembered
def _ports(text: str) -> str | None:
    match = _PORTS.fullmatch(text)
    if not match:
        return "is not a port such as 443 or a range such as 1000-2000"
    low, high = int(match[1]), int(match[2] or match[1])
    if high > 65535:
        return "is beyond the last port, 65535"
    return "is a range that ends before it begins" if low > high else None


def _pem(text: str) -> str | None:
    return None if _PEM.fullmatch(text) else "is not PEM text, which begins with -----BEGIN and ends with -----"


def _has_length(text: str) -> bool:
    return re.fullmatch(r"[0-9.]+/[0-9]{1,2}", text) is not None


_CHECKS: dict[str, Callable[[str], str | None]] = {
    "lso.datatypes.Ipv4Address": _address,
    "lso.datatypes.Ipv4Interface": _interface,
    "lso.datatypes.Ipv4Prefix": _prefix,
    "lso.datatypes.IpMatch": _match,
    "lso.datatypes.PortMatch": _ports,
    "lso.datatypes.IkeIdentity": _identity,
    "lso.datatypes.IkeProposal": ike_error,
    "lso.datatypes.EspProposal": esp_error,
    "lso.datatypes.Certificate": _pem,
    "lso.datatypes.PrivateKey": _pem,
    "lso.datatypes.RevocationList": _pem,
}
