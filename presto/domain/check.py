"""Whether an SWVC can be ordered as it stands: pure, and with everything that is wrong at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice

from common.findings import MAX_REPORTED, Finding, Path, Reason, Tag
from common.text import counted
from orchestrator.inventory import Inventory, Uni
from presto.domain.check_flows import check_applications, check_assignments
from presto.domain.check_sites import check_sites
from presto.domain.model import Application, EndPoint, Policy, PolicyAssignment, Service, Swvc
from presto.domain.policies import check_policies
from presto.domain.wan_ports import check_ports
from presto_api.lifecycles import ServiceState
from presto_api.mef.payload import MAX_FLOWS

SMALLEST_MTU, LARGEST_MTU = 576, 1400
"""Every IPv4 host takes 576 bytes (RFC 791); 1400 is what fits into ESP in UDP over an underlay of 1500."""

RESERVED = "underlays"
DOTS = (".", "..")
"""In a path they name another place, whichever way they are written (RFC 3986 section 6.2.2.3)."""
"""What the topology of all underlays is called: that of a service with this name could not be asked for."""


@dataclass(frozen=True)
class Surroundings:
    """What an order is checked against.

    `names` are the identifiers of the other services, `claims` maps the id of each UNI and WAN port that they use to
    the identifier of its service, `closed` maps the ids of UNIs, and of what is enrolled of underlays, that are not
    active to where they stand. `replaces` is the service that a change starts from.
    """

    inventory: Inventory
    names: frozenset[str] = frozenset()
    claims: Mapping[str, str] = field(default_factory=dict)
    closed: Mapping[str, ServiceState] = field(default_factory=dict)
    replaces: Service | None = None


def check(swvc: Swvc, surroundings: Surroundings) -> tuple[Finding, ...]:
    """All findings that an answer tells, in the order of the model; none when the order can be carried out."""
    return tuple(islice(_check(swvc, surroundings), MAX_REPORTED + 1))


def completed(swvc: Swvc, inventory: Inventory) -> Swvc:
    """The SWVC with UNIs named by their id, and end points that have no identifier by the name of their UNI."""
    end_points = []
    for end_point in swvc.end_points:
        uni = inventory.uni(end_point.uni)
        identifier = end_point.identifier or (uni.name if uni else "")
        end_points.append(replace(end_point, identifier=identifier, uni=uni.id if uni else end_point.uni))
    return replace(swvc, end_points=tuple(end_points))


def _check(swvc: Swvc, surroundings: Surroundings) -> Iterator[Finding]:
    unis = [surroundings.inventory.uni(end_point.uni) for end_point in swvc.end_points]
    yield from _check_identifier(swvc.identifier, surroundings)
    yield from _check_mtu(swvc.mtu, unis)
    yield from _check_number(swvc)
    yield from _check_identifiers(swvc)
    yield from _check_unis(swvc.end_points, unis, surroundings)
    yield from _check_roles(swvc)
    yield from check_sites(swvc, unis, surroundings.inventory, surroundings.closed.keys())
    yield from check_ports(swvc, unis, surroundings.inventory, surroundings.closed.keys(), surroundings.claims)
    maps = (swvc.mappings, *(end_point.overrides for end_point in swvc.end_points))
    kinds = tuple(entry.kind for entries in maps for entry in entries)
    yield from _check_flows(swvc.applications, swvc.policies, maps, kinds)


Maps = tuple[tuple[PolicyAssignment, ...], ...]


@lru_cache(maxsize=128)  # clients write the same flows and policies into order after order
def _check_flows(
    applications: tuple[Application, ...], policies: tuple[Policy, ...], maps: Maps, _kinds: tuple[str | None, ...]
) -> tuple[Finding, ...]:
    """As `_about_flows`. What kinds the maps name is said once more, because entries that differ in it are equal."""
    return tuple(islice(_about_flows(applications, policies, maps), MAX_REPORTED + 1))


def _about_flows(applications: tuple[Application, ...], policies: tuple[Policy, ...], maps: Maps) -> Iterator[Finding]:
    """What is wrong with flows, policies and what maps them: the service's own map, then those of its end points."""
    yield from check_applications(applications)
    yield from check_policies(policies)
    if len(applications) <= MAX_FLOWS:
        for index, assignments in enumerate(maps, -1):
            path: Path = ("mappings",) if index < 0 else ("end_points", index, "overrides")
            yield from check_assignments(applications, policies, assignments, path)


def identifier_fault(text: str) -> str | None:
    """Why a text is no MEF 70 identifier: 1 to 53 printable ASCII characters."""
    if not 1 <= len(text) <= 53:
        return f"has {len(text)} characters"
    if any(not " " <= letter <= "~" for letter in text):
        return "has a character that is not printable ASCII"
    return None


def _check_identifier(identifier: str, surroundings: Surroundings) -> Iterator[Finding]:
    fault = identifier_fault(identifier)
    if not identifier:
        hint = "Name the service; delete, update and details take this name."
        yield Finding(
            Tag.MISSING_ELEMENT, ("identifier",), "The SWVC has no identifier", hint, "MEF 70 SWVC Identifier"
        )
    elif fault:
        message, hint = f"The SWVC identifier {fault}", "Use 1 to 53 printable ASCII characters."
        yield Finding(Tag.INVALID_VALUE, ("identifier",), message, hint, "MEF 70 SWVC Identifier")
    elif identifier == RESERVED and not _named(surroundings.replaces, RESERVED):
        message, hint = f'The name "{identifier}" is reserved for all underlays', "Choose another identifier."
        yield Finding(Tag.DATA_EXISTS, ("identifier",), message, hint, "MEF 70 SWVC Identifier")
    elif identifier in DOTS and not _named(surroundings.replaces, identifier):
        message, hint = (
            f'A service cannot be called "{identifier}": no address leads to it',
            "Choose another identifier.",
        )
        yield Finding(Tag.INVALID_VALUE, ("identifier",), message, hint, "MEF 70 SWVC Identifier")
    elif identifier in surroundings.names:
        message, hint = f'A service "{identifier}" exists', "Update it, delete it or choose another identifier."
        yield Finding(Tag.DATA_EXISTS, ("identifier",), message, hint, "MEF 70 SWVC Identifier")


def _named(service: Service | None, identifier: str) -> bool:
    return service is not None and service.swvc.identifier == identifier


def _check_mtu(mtu: int, unis: Iterable[Uni | None]) -> Iterator[Finding]:
    largest = min([LARGEST_MTU, *(uni.mtu for uni in unis if uni)])
    if not SMALLEST_MTU <= mtu <= largest:
        hint = f"Choose {SMALLEST_MTU} to {largest} bytes."
        yield Finding(Tag.INVALID_VALUE, ("mtu",), f"An MTU of {mtu} cannot be carried", hint, "MEF 70 SWVC MTU")


def _check_number(swvc: Swvc) -> Iterator[Finding]:
    count = len(swvc.end_points)
    if count < 2:
        message = f"The order has {counted(count, 'end point')}, a service needs two or more"
        tag = Tag.INVALID_VALUE if count else Tag.MISSING_ELEMENT
        yield Finding(tag, ("end_points",), message, "Add an end point on another UNI.", "MEF 70 SWVC End Points")
    if count > 2 and swvc.service_type == "point-to-point":
        message, hint = f"A point-to-point service has two end points, not {count}", "Order a multipoint service."
        yield Finding(Tag.INVALID_VALUE, ("service_type",), message, hint)


def _check_identifiers(swvc: Swvc) -> Iterator[Finding]:
    identifiers = [end_point.identifier for end_point in swvc.end_points]
    seen: set[str] = set()
    local_ids: set[str | None] = set()
    for index, end_point in enumerate(swvc.end_points):
        where = ("end_points", index, "identifier")
        fault = identifier_fault(end_point.identifier) if end_point.identifier else None
        if fault:
            hint = "Use 1 to 53 printable ASCII characters."
            yield Finding(
                Tag.INVALID_VALUE, where, f"The end point identifier {fault}", hint, "MEF 70 End Point Identifier"
            )
        if end_point.identifier and end_point.identifier in seen:
            message = f'End point "{end_point.identifier}" stands twice'
            yield Finding(Tag.INVALID_VALUE, where, message, "Rename one.", "MEF 70 End Point Identifier")
        if end_point.local_id and end_point.local_id in local_ids:
            message = f'Local id "{end_point.local_id}" stands twice'
            yield Finding(Tag.INVALID_VALUE, ("end_points", index, "local_id"), message, "Change one.")
        seen.add(end_point.identifier)
        local_ids.add(end_point.local_id)
    if swvc.listed_end_points and set(swvc.listed_end_points) != set(identifiers):
        message = "The list of end points names others than the order has"
        hint = f"Leave the list out or write: {', '.join(identifiers)}."
        yield Finding(Tag.INVALID_VALUE, ("listed_end_points",), message, hint, "MEF 70 SWVC End Points")


def _check_unis(
    end_points: tuple[EndPoint, ...], unis: list[Uni | None], surroundings: Surroundings
) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, (end_point, uni) in enumerate(zip(end_points, unis, strict=True)):
        where = ("end_points", index, "uni")
        if not end_point.uni:
            yield Finding(Tag.MISSING_ELEMENT, where, "The end point names no UNI", _known_unis(surroundings.inventory))
        elif uni is None:
            message, known = f'There is no UNI "{end_point.uni}"', _known_unis(surroundings.inventory)
            rule = "MEF 70 UNI Identifier"
            yield Finding(Tag.INVALID_VALUE, where, message, known, rule, Reason.UNKNOWN_REFERENCE)
        elif uni.id in seen:
            message = f"UNI {uni.name} stands in two end points"
            yield Finding(
                Tag.INVALID_VALUE, where, message, "Each end point needs its own UNI.", "MEF 70 SWVC End Points"
            )
        elif uni.id in surroundings.claims:
            message = f'UNI {uni.name} belongs to service "{surroundings.claims[uni.id]}"'
            yield Finding(
                Tag.IN_USE, where, message, "Delete that service or use another UNI.", "MEF 70 SWVC End Points"
            )
        elif uni.id in surroundings.closed:
            yield _closed(uni, where, surroundings.closed[uni.id])
        if uni:
            seen.add(uni.id)


def _closed(uni: Uni, where: Path, state: ServiceState) -> Finding:
    if state is ServiceState.TERMINATED:
        message, hint = f"UNI {uni.name} is terminated", "Enrol it anew, under another name."
    else:
        message = f"UNI {uni.name} is administratively locked"
        hint = "Unlock it: order it active, or update-service-interface-point."
    return Finding(Tag.IN_USE, where, message, hint)


def _known_unis(inventory: Inventory) -> str:
    listed = ", ".join(f"{uni.id} ({uni.name})" for uni in inventory.unis[:8])
    more = f" and {len(inventory.unis) - 8} more" if len(inventory.unis) > 8 else ""
    return f"UNIs: {listed or 'none'}{more}."


def _check_roles(swvc: Swvc) -> Iterator[Finding]:
    rooted = swvc.service_type in {"rooted-multipoint", "point-to-multipoint"}
    allowed = {"root", "leaf"} if rooted else {"symmetric"}
    for index, end_point in enumerate(swvc.end_points):
        if end_point.role not in allowed:
            message = f"Role {end_point.role} has no place in a {swvc.service_type} service"
            hint = f"Use {' or '.join(sorted(allowed, reverse=True))}."
            yield Finding(Tag.INVALID_VALUE, ("end_points", index, "role"), message, hint)
    roots = sum(end_point.role == "root" for end_point in swvc.end_points)
    if rooted and (roots < 1 or (roots > 1 and swvc.service_type == "point-to-multipoint")):
        wanted = "exactly one root" if swvc.service_type == "point-to-multipoint" else "at least one root"
        message = f"A {swvc.service_type} service has {wanted}, not {roots}"
        yield Finding(Tag.INVALID_VALUE, ("service_type",), message, "Set the roles of the end points.")
