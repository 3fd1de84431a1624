"""The rules that tie end points to their sites: prefixes that must not overlap, uCPEs and the underlay they share."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from orchestrator.inventory import Inventory, Uni
from presto.core.criteria import prefix
from presto.core.findings import Finding, Tag
from presto.core.model import Swvc
from presto.core.underlays import Closed, check_underlays


def check_sites(swvc: Swvc, unis: list[Uni | None], inventory: Inventory, closed: Closed) -> Iterator[Finding]:
    """Overlapping prefixes, two end points on one uCPE, and sites without an underlay that does for all policies."""
    yield from _check_overlaps(unis, inventory)
    yield from _check_reserved(swvc, unis)
    yield from _check_ucpes(unis)
    yield from check_underlays(swvc, inventory, list(dict.fromkeys(uni.ucpe for uni in unis if uni)), closed)


def _check_overlaps(unis: list[Uni | None], inventory: Inventory) -> Iterator[Finding]:
    ucpes = dict.fromkeys(uni.ucpe for uni in unis if uni)
    underlays = {
        wan.underlay: IPv4Network(wan.address, strict=False) for name in ucpes for wan in inventory.ucpe(name).wan
    }
    for index, uni in enumerate(unis):
        if uni is None:
            continue
        where = ("end_points", index, "uni")
        for other in unis[:index]:
            if other and other != uni and other.prefix.overlaps(uni.prefix):
                message = f"LAN {uni.prefix} of {uni.name} overlaps LAN {other.prefix} of {other.name}"
                hint = "The LANs of one service are routed to each other, so they need different prefixes."
                yield Finding(Tag.INVALID_VALUE, where, message, hint, "MEF 70 UNI IPv4 Connection Addressing")
        for name, network in underlays.items():
            if network.overlaps(uni.prefix):
                message = f"LAN {uni.prefix} of {uni.name} overlaps underlay {name} ({network})"
                yield Finding(Tag.INVALID_VALUE, where, message, "Renumber the LAN or the underlay.")


def _check_reserved(swvc: Swvc, unis: list[Uni | None]) -> Iterator[Finding]:
    for index, text in enumerate(swvc.reserved_prefixes):
        where, rule = ("reserved_prefixes", index), "MEF 70 SWVC Reserved Prefixes"
        try:
            reserved: IPv4Network = prefix(text)
        except ValueError as error:
            yield Finding(Tag.INVALID_VALUE, where, f'"{text}" is no prefix', str(error), rule)
            continue
        for uni in filter(None, unis):
            if reserved.overlaps(uni.prefix):
                message = f"Reserved prefix {reserved} overlaps LAN {uni.prefix} of {uni.name}"
                yield Finding(Tag.INVALID_VALUE, where, message, "The subscriber cannot use reserved prefixes.", rule)


def _check_ucpes(unis: list[Uni | None]) -> Iterator[Finding]:
    for index, uni in enumerate(unis):
        earlier = [other for other in unis[:index] if other and uni and other != uni and other.ucpe == uni.ucpe]
        if uni and earlier:
            message = f"UNIs {earlier[0].name} and {uni.name} are on the same uCPE {uni.ucpe}"
            hint = "A service has one end point on a uCPE, because the IPsec gateway owns its WAN address."
            yield Finding(Tag.INVALID_VALUE, ("end_points", index, "uni"), message, hint)
