"""The criteria of application flows: MEF 70's names and values, turned into the packets that they match.

A criterion that a stateful IPv4 five-tuple firewall cannot tell apart is refused: ignoring it would let packets pass
that the order wanted apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Interface, IPv4Network
from typing import TypeVar

from common.findings import Finding, Path, Reason, Tag, nearest
from presto.domain.matches import ICMP, TCP, UDP, Match, Ports
from presto.domain.model import Application, Criterion

T = TypeVar("T")

MAX_VALUES = 256
"""In one criterion: keeps the rules of one flow, which multiply over its criteria, within a firewall's means."""

_MAX_DIGITS = 20
_LONGEST_SHOWN = 60

ICMP_TYPE = "LSO-ICMPV4-TYPE"
"""Ours: ICMP message types by name. MEF 70 lets a provider define criteria under names that are not standard ones."""

ICMP_TYPES = (
    "echo-reply",
    "destination-unreachable",
    "redirect",
    "echo-request",
    "router-advertisement",
    "router-solicitation",
    "time-exceeded",
    "parameter-problem",
    "timestamp-request",
    "timestamp-reply",
)
PROTOCOL_NAMES = {"icmp": ICMP, "tcp": TCP, "udp": UDP, "gre": 47, "esp": 50, "ah": 51, "ospf": 89, "sctp": 132}

NOT_HONOURED = {
    "C-VLAN": "LAN ports are untagged",
    "SAV6": "the sites carry IPv4 only",
    "DAV6": "the sites carry IPv4 only",
    "SDAV6": "the sites carry IPv4 only",
    "NEXTHEADV6": "the sites carry IPv4 only",
    "DSCP": "the firewall does not look at the DSCP field",
    "APPID": "the firewall does not recognise applications by content",
}


class Unacceptable(Exception):
    """One parameter is wrong: its index (None: the list as a whole), what and what to do."""

    def __init__(self, index: int | None, message: str, hint: str) -> None:
        super().__init__(message)
        self.index, self.message, self.hint = index, message, hint


def prefix(text: str) -> IPv4Network:
    """An IPv4 prefix `10.1.0.0/24`; a bare address is a /32. Raises ValueError that says what to write."""
    try:
        interface = IPv4Interface(text)
    except ValueError:
        raise ValueError("Write an IPv4 prefix such as 10.1.0.0/24.") from None
    if interface.ip != interface.network.network_address:
        raise ValueError(f"The address has host bits set. Did you mean {interface.network}?")
    return interface.network


def _prefixes(parameters: tuple[str, ...]) -> tuple[IPv4Network, ...]:
    return tuple(_each(parameters, prefix, "IPv4 prefix"))


def _ports(parameters: tuple[str, ...]) -> tuple[Ports, ...]:
    return tuple(_each(parameters, _port_range, "port"))


def _each(parameters: tuple[str, ...], parse: Callable[[str], T], kind: str) -> Iterator[T]:
    if not parameters:
        raise Unacceptable(None, "has no value", f"Give at least one {kind}.")
    if len(parameters) > MAX_VALUES:
        raise Unacceptable(None, f"has {len(parameters)} values", f"Give at most {MAX_VALUES}.")
    for index, text in enumerate(parameters):
        try:
            yield parse(text)
        except ValueError as error:
            shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
            raise Unacceptable(index, f'"{shown}" is not a valid {kind}', str(error)) from None


def _port_range(text: str) -> Ports:
    low, dash, high = text.partition("-")
    if not (low.isascii() and low.isdigit() and (not dash or (high.isascii() and high.isdigit()))):
        raise ValueError("Write a port such as 443 or a range such as 1000-2000.")
    first, last = _number(low), _number(high or low)
    if not first <= last <= 65535:
        raise ValueError("Ports are 0 to 65535 and a range starts with the lower one.")
    return first, last


def _protocol(text: str) -> int:
    if text.casefold() in PROTOCOL_NAMES:
        return PROTOCOL_NAMES[text.casefold()]
    if not (text.isascii() and text.isdigit() and _number(text) <= 255):
        raise ValueError(f"Write a number from 0 to 255 or one of: {', '.join(PROTOCOL_NAMES)}.")
    return int(text)


def _icmp_type(text: str) -> str:
    if text not in ICMP_TYPES:
        raise ValueError(nearest(text, ICMP_TYPES))
    return text


def _sdav4(parameters: tuple[str, ...]) -> tuple[Match, ...]:
    networks = _prefixes(parameters)
    return Match(source=networks), Match(destination=networks)


def _sdport(parameters: tuple[str, ...]) -> tuple[Match, ...]:
    ports = _ports(parameters)
    return Match(source_ports=ports), Match(destination_ports=ports)


def _any(parameters: tuple[str, ...]) -> tuple[Match, ...]:
    if parameters:
        raise Unacceptable(None, "takes no value", "Leave its parameters out.")
    return (Match(),)


def _number(digits: str) -> int:
    """What has more digits than this is too large anyway, and Python may not take it."""
    return int(digits) if len(digits) <= _MAX_DIGITS else 10**_MAX_DIGITS


def _ethertype_number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise ValueError("Write 0x0800 or leave it out.") from None


def _ethertype(parameters: tuple[str, ...]) -> tuple[Match, ...]:
    values = tuple(_each(parameters, _ethertype_number, "Ethertype"))
    if values != (0x0800,):
        raise Unacceptable(0, "only Ethertype 0x0800 (IPv4) crosses the service", "Write 0x0800 or leave it out.")
    return (Match(),)


PARSERS: dict[str, Callable[[tuple[str, ...]], tuple[Match, ...]]] = {
    "SAV4": lambda values: (Match(source=_prefixes(values)),),
    "DAV4": lambda values: (Match(destination=_prefixes(values)),),
    "SDAV4": _sdav4,
    "PROTV4": lambda values: (Match(protocols=tuple(dict.fromkeys(_each(values, _protocol, "protocol")))),),
    "SPORT": lambda values: (Match(source_ports=_ports(values)),),
    "DPORT": lambda values: (Match(destination_ports=_ports(values)),),
    "SDPORT": _sdport,
    "ETHERTYPE": _ethertype,
    "ANY": _any,
    ICMP_TYPE: lambda values: (Match(icmp_types=tuple(_each(values, _icmp_type, "ICMP type"))),),
}


@lru_cache(maxsize=128)  # clients write the same flows into order after order
def matches(application: Application) -> tuple[Match, ...]:
    """The packets of a checked flow: the union of the matches returned. All criteria must hold (MEF 70 R43)."""
    union: tuple[Match, ...] = (Match(),)
    for criterion in application.criteria:
        alternatives = PARSERS[criterion.name](criterion.parameters)
        union = tuple(one & other for one in union for other in alternatives)
    return tuple(match for match in map(_with_implied_protocol, union) if not match.empty)


def check_flow(application: Application, path: Path) -> Iterator[Finding]:
    """Everything that is wrong with the criteria of one flow; paths start with `path`."""
    if not application.criteria:
        yield Finding(
            Tag.MISSING_ELEMENT,
            (*path, "criteria"),
            f'Application "{application.identifier}" has no criteria',
            "Give at least one; ANY matches every packet.",
            "MEF 70 R43",
        )
    found = False
    for finding in _check_each(application.criteria, path):
        found = True
        yield finding
    if application.criteria and not found and not matches(application):
        yield Finding(
            Tag.INVALID_VALUE,
            (*path, "criteria"),
            f'No packet can satisfy all criteria of application "{application.identifier}"',
            "Criteria are ANDed: ports need TCP or UDP, ICMP types need ICMP, prefixes must overlap.",
            "MEF 70 R43",
        )


def _with_implied_protocol(match: Match) -> Match:
    if match.source_ports is not None or match.destination_ports is not None:
        match &= Match(protocols=(TCP, UDP))
    if match.icmp_types is not None:
        match &= Match(protocols=(ICMP,))
    return match


def _check_each(criteria: Iterable[Criterion], path: Path) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, criterion in enumerate(criteria):
        here = (*path, "criteria", index)
        if criterion.name in seen:
            yield Finding(
                Tag.INVALID_VALUE,
                (*here, "name"),
                f"Criterion {criterion.name} stands twice in one application",
                "Put all its values into one list.",
                "MEF 70 R43",
            )
        seen.add(criterion.name)
        yield from _check_criterion(criterion, here)


def _check_criterion(criterion: Criterion, here: Path) -> Iterator[Finding]:
    name = criterion.name
    if name in NOT_HONOURED:
        message = f"{name} cannot be honoured: {NOT_HONOURED[name]}"
        yield Finding(Tag.INVALID_VALUE, (*here, "name"), message, "Leave it out.", reason=Reason.NOT_SUPPORTED)
    elif not name:
        yield Finding(Tag.MISSING_ELEMENT, (*here, "name"), "The criterion has no name", nearest(name, PARSERS))
    elif name not in PARSERS:
        yield Finding(
            Tag.INVALID_VALUE, (*here, "name"), f'"{name}" is no application flow criterion', nearest(name, PARSERS)
        )
    else:
        try:
            PARSERS[name](criterion.parameters)
        except Unacceptable as error:
            place = () if error.index is None else (error.index,)
            message = f"{name} {error.message}" if error.index is None else f"{name}: {error.message}"
            yield Finding(Tag.INVALID_VALUE, (*here, "parameters", *place), message, error.hint)
