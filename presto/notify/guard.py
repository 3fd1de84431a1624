"""Where notifications may go: a callback must not make the server reach what its author cannot (SSRF).

Names are resolved for each attempt and the connection goes to an address that was checked, so that a name cannot
point elsewhere in between (DNS rebinding).
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from presto.notify.lookups import Lookups
from presto.notify.settings import NotifySettings

Address = IPv4Address | IPv6Address

_METADATA = frozenset(map(ip_address, ("169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254")))
"""Where clouds tell a machine its secrets."""

_TRANSLATED = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
"""RFC 6052 and RFC 8215: the last four bytes are an IPv4 address."""

_NOBODY = IPv4Network("0.0.0.0/8")


class Forbidden(Exception):
    """The callback leads to where notifications do not go."""


def refusal(address: Address, settings: NotifySettings) -> str | None:
    """Why an address is not connected to; None when it may be."""
    if (inner := _embedded(address)) is not None:
        return refusal(inner, settings)
    if (never := _never(address)) is not None:
        return f"{address} is {never}"
    if settings.development or any(_within(address, network) for network in settings.allowed):
        return None
    if address.is_loopback:
        return f"{address} is a loopback address"
    return None if address.is_global else f"{address} is a private address"


def literal(host: str) -> Address | None:
    """The address that a host of a URL is, in the forms that resolvers take too (`0x7f.1`); None for a name."""
    try:
        return ip_address(_without_scope(host.strip("[]")))
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host)) if host[:1].isdigit() else None
    except OSError:
        return None


async def resolve(host: str, lookups: Lookups, settings: NotifySettings) -> list[str]:
    """The addresses of a host, each of them checked. Raises Forbidden, and what a lookup does."""
    known = literal(host)
    if known is not None:
        addresses: list[Address] = [known]
    else:
        addresses = [ip_address(_without_scope(text)) for text in await lookups.addresses(host)]
    refusals = [reason for address in addresses if (reason := refusal(address, settings))]
    if refusals:
        raise Forbidden(refusals[0])
    return list(dict.fromkeys(map(str, addresses)))


def _without_scope(text: str) -> str:
    """A scope is of use behind link-local addresses only, and those are refused; behind others it would hide them."""
    return text.partition("%")[0]


def _never(address: Address) -> str | None:
    """What no setting allows."""
    if address in _METADATA:
        return "a metadata service"
    if address.is_unspecified or (isinstance(address, IPv4Address) and address in _NOBODY):
        return "an unspecified address"
    if address.is_multicast:
        return "a multicast address"
    if address.is_link_local or (isinstance(address, IPv6Address) and address.is_site_local):
        return "a link-local address"
    # 240.0.0.0/4 with the broadcast address; in IPv6 the loopback address counts as reserved too.
    reserved = address.is_reserved and not address.is_loopback
    return "a reserved address" if reserved else None


def _embedded(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address.teredo:
        return address.teredo[1]
    last = IPv4Address(int(address) & 0xFFFFFFFF)
    compatible = int(address) >> 32 == 0 and int(last) > 1
    return last if compatible or any(address in network for network in _TRANSLATED) else None


def _within(address: Address, network: IPv4Network | IPv6Network) -> bool:
    return address.version == network.version and address in network
