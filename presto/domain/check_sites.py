"""The rules that tie end points to their sites: prefixes that must not overlap, uCPEs and the underlay they share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from itertools import islice
from operator import itemgetter

from common.findings import MAX_REPORTED, Finding, Path, Tag
from orchestrator.inventory import Inventory, Uni
from presto.domain.criteria import prefix
from presto.domain.model import Swvc
from presto.domain.underlays import Closed, check_underlays


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
    known = {index: uni for index, uni in enumerate(unis) if uni}
    for earlier, later in _overlapping(known):
        uni, other = known[later], known[earlier]
        message = f"LAN {uni.prefix} of {uni.name} overlaps LAN {other.prefix} of {other.name}"
        hint = "The LANs of one service are routed to each other, so they need different prefixes."
        where: Path = ("end_points", later, "uni")
        yield Finding(Tag.INVALID_VALUE, where, message, hint, "MEF 70 UNI IPv4 Connection Addressing")
    for index, uni in known.items():
        where = ("end_points", index, "uni")
        for name, network in underlays.items():
            if network.overlaps(uni.prefix):
                message = f"LAN {uni.prefix} of {uni.name} overlaps underlay {name} ({network})"
                yield Finding(Tag.INVALID_VALUE, where, message, "Renumber the LAN or the underlay.")


def _overlapping(unis: Mapping[int, Uni]) -> list[tuple[int, int]]:
    """Pairs of end points whose LANs overlap, as many as are told; each LAN has at most 33 prefixes that hold it."""
    by_prefix: defaultdict[IPv4Network, list[int]] = defaultdict(list)
    for index, uni in unis.items():
        by_prefix[uni.prefix].append(index)
    lengths = {prefix.prefixlen for prefix in by_prefix}
    pairs = (
        (min(index, other), max(index, other))
        for index, uni in unis.items()
        for length in lengths
        if length <= uni.prefix.prefixlen
        for other in by_prefix.get(uni.prefix.supernet(new_prefix=length), ())
        if unis[other].id != uni.id and (other < index or unis[other].prefix != uni.prefix)
    )
    return sorted(islice(pairs, MAX_REPORTED + 1), key=itemgetter(1, 0))


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
    first: dict[str, Uni] = {}
    for index, uni in enumerate(unis):
        if uni and (earlier := first.setdefault(uni.ucpe, uni)).id != uni.id:
            message = f"UNIs {earlier.name} and {uni.name} are on the same uCPE {uni.ucpe}"
            hint = "A service has one end point on a uCPE, because the IPsec gateway owns its WAN address."
            yield Finding(Tag.INVALID_VALUE, ("end_points", index, "uni"), message, hint)
