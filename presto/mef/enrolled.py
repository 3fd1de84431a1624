"""Items about enrolled resources: which resource each one names, and whether what it says of it is true."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.findings import Path, nearest
from orchestrator.inventory import Uni
from presto.domain.enrolled import Enrolled, Resource, Ucs, UcsEndPoint
from presto.mef.from_core import BILLING, switch
from presto.mef.items import ENROLLED, Item
from presto.mef.relationships import OF_UCS, TO_UCS_UNI, UCS_OF, Links, unknown_roles, wrong_end
from presto.mef.unis import uni_problems
from presto.service.enrolled_orders import KIND_NAMES, label_of
from presto.service.orders import ElementRecord
from presto_api.lifecycles import ServiceState
from presto_api.mef import payload
from presto_api.mef.payload import Kind
from presto_api.mef.problems import Problem, unsupported

_IDENTIFIERS = {
    Kind.UNI: ("uni_identifier", "uniIdentifier"),
    Kind.UCS: ("ucs_identifier", "ucsIdentifier"),
    Kind.UCS_UNI: ("ucs_identifier", "ucsIdentifier"),
    Kind.UCS_END_POINT: ("identifier", "identifier"),
}


@dataclass
class NamedResources:
    """The resources that the items of an order are about, by the number of the item; `underlays` are of its SWVC."""

    resources: dict[int, Resource] = field(default_factory=dict)
    underlays: list[str] = field(default_factory=list)

    def uni(self, item: Item) -> Uni | None:
        """The UNI of an item."""
        resource = self.resources.get(item.number)
        return resource if isinstance(resource, Uni) else None


def named_resources(
    items: Sequence[Item], enrolment: Enrolled, elements: Mapping[str, ElementRecord], links: Links
) -> tuple[NamedResources, list[Problem]]:
    """The enrolled resources that the items name, with everything that they say of them and is not true."""
    named = NamedResources()
    problems: list[Problem] = []
    for item in items:
        if item.kind in ENROLLED:
            problems += _match(item, named, enrolment)
    for item in items:
        problems += unknown_roles(item)
        if item.kind is Kind.UCS_END_POINT and item.payload is not None:
            problems += _attached(item, named, enrolment, links)
        if item.kind in {Kind.UCS, Kind.SWVC} and item.payload is not None:
            problems += _underlays(item, named, enrolment, elements, links)
    return named, problems


def wanted_state(item: Item) -> ServiceState:
    """The state that an item about an enrolled resource asks for."""
    state = item.wire.service.state
    return ServiceState.TERMINATED if item.wire.action == "delete" or state is None else ServiceState(state)


def beside_an_swvc(
    items: Sequence[Item], named: NamedResources, closed: Mapping[str, ServiceState]
) -> Iterator[Problem]:
    """An order about an SWVC takes resources as they stand: what changes their state is an order of its own."""
    for item in items:
        resource = named.resources.get(item.number)
        if resource is None:
            continue
        here, hint = closed.get(resource.id, ServiceState.ACTIVE), "Change it by an order of its own."
        if item.wire.action != "add":
            text = f"{label_of(resource)} is not changed by an order about an SWVC"
            yield Problem("otherIssue", (*item.path, "action"), text, hint)
        elif wanted_state(item) is not here:
            yield Problem("otherIssue", (*item.path, "service", "state"), f"{label_of(resource)} is {here}", hint)


def unmoved(wanted: Sequence[tuple[Item, Resource]], attributes: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    """A UNI stays where it was installed; `attributes` are what orders said of resources last, by their ids."""
    for item, resource in wanted:
        before = _installed(attributes.get(resource.id, {}).get("place", ()))
        given = _installed(item.wire.service.model_dump(by_alias=True, exclude_unset=True).get("place", ()))
        if item.wire.action == "modify" and given and before and given != before:
            text, hint = f"{label_of(resource)} does not move", "Order another one there, and delete this one."
            yield Problem("invalidValue", (*item.path, "service", "place"), text, hint, "W100 R4")


def _installed(places: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Where something is installed, by ids where there are such."""
    found = [place["place"] for place in places if place["role"] == "INSTALL_LOCATION"]
    return [{name: place[name] for name in ("@type", "id")} if "id" in place else place for place in found]


def _match(item: Item, named: NamedResources, enrolment: Enrolled) -> Iterator[Problem]:
    resource = item.enrolled.resource if item.enrolled else None
    if item.payload is not None:
        attribute, member = _IDENTIFIERS[item.kind]
        name, path = getattr(item.payload, attribute), (*item.configuration, member)
        found = enrolment.find(item.kind, name)
        if resource is not None and found is not resource:
            yield Problem("invalidValue", path, f"{label_of(resource)} keeps its identifier", "", "MEF 99.1 R29")
        elif found is None:
            hint = nearest(name, [other.name for other in enrolment.of_kind(item.kind)][:8], "There are")
            yield Problem("referenceNotFound", path, f'There is no {KIND_NAMES[item.kind]} "{name}"', hint, "W100 R4")
        resource = resource or found
    if resource is None:
        return
    if resource in named.resources.values():
        yield Problem("invalidValue", item.path, f"{label_of(resource)} stands in two items", "Keep one.")
        return
    named.resources[item.number] = resource
    yield from _states(item)
    yield from _untrue(item, resource)


def _states(item: Item) -> Iterator[Problem]:
    if item.wire.service.state == "reserved":
        text, hint = "State reserved cannot be ordered for what is enrolled", "Order one of: active, inactive."
        yield Problem("invalidValue", (*item.path, "service", "state"), text, hint)


def _untrue(item: Item, resource: Resource) -> Iterator[Problem]:
    given, here = item.payload, item.configuration
    if isinstance(given, payload.Uni) and isinstance(resource, Uni):
        yield from uni_problems(given, here, resource)
        if not any(place.role == "INSTALL_LOCATION" for place in item.wire.service.place or ()):
            text, hint = "A UNI needs the place where it is installed", 'Give a place with role "INSTALL_LOCATION".'
            yield Problem("missingProperty", (*item.path, "service", "place"), text, hint, "W100 R7")
    elif isinstance(given, payload.Ucs) and isinstance(resource, Ucs):
        kind, billing = resource.underlay.type.upper(), BILLING[resource.underlay.billing]
        yield from _differs((*here, "ucsType"), given.ucs_type, kind, resource)
        yield from _differs((*here, "ucsBillingMethod"), given.ucs_billing_method, billing, resource)
    elif isinstance(given, payload.UcsEndPoint) and isinstance(resource, UcsEndPoint):
        yield from _differs((*here, "endPointBackup"), given.end_point_backup, switch(resource.wan.backup), resource)
        yield from _differs((*here, "endPointBreakout"), given.end_point_breakout, "DISABLED", resource)


def _differs(path: Path, given: str | None, true: str, resource: Resource) -> Iterator[Problem]:
    if given not in {None, true}:
        yield unsupported(path, f"{path[-1]} of {label_of(resource)} is {true}", "Write that, or leave it out.")


def _attached(item: Item, named: NamedResources, enrolment: Enrolled, links: Links) -> Iterator[Problem]:
    """The underlay and the port of a UCS end point."""
    own = named.resources.get(item.number)
    for role in (OF_UCS, TO_UCS_UNI):
        other = links.one(item, role)
        if other is None or not isinstance(own, UcsEndPoint):
            continue
        resource = named.resources.get(other.number) if isinstance(other, Item) else enrolment.get(other)
        right = enrolment.get(own.ucs if role == OF_UCS else own.ucs_uni)
        if right is not None and resource is not right:
            text = f"{role} of {label_of(own)} leads to {label_of(right)}"
            yield Problem("invalidValue", item.path, text, f"Its id is {right.id}.", "W100 R4")


def _underlays(
    item: Item, named: NamedResources, enrolment: Enrolled, elements: Mapping[str, ElementRecord], links: Links
) -> Iterator[Problem]:
    """Which underlays carry the SWVC of this order, as the underlays or the SWVC say."""
    for other in links.all(item, UCS_OF):
        if item.kind is Kind.SWVC:
            resource = named.resources.get(other.number) if isinstance(other, Item) else enrolment.get(other)
            if isinstance(resource, Ucs):
                named.underlays.append(resource.underlay.name)
            elif other and not (isinstance(other, Item) and other.kind is Kind.UCS):
                yield wrong_end(item, "UCS_OF_SWVC of an SWVC leads to a UCS")
        elif isinstance(other, Item):
            own = named.resources.get(item.number)
            if other.kind is not Kind.SWVC:
                yield wrong_end(item, "UCS_OF_SWVC of a UCS leads to an SWVC")
            elif isinstance(own, Ucs):
                named.underlays.append(own.underlay.name)
        elif other:
            yield from _carries(item, named, elements.get(other))


def _carries(item: Item, named: NamedResources, swvc: ElementRecord | None) -> Iterator[Problem]:
    """An SWVC that is there already says itself which underlays it has."""
    own = named.resources.get(item.number)
    if swvc is None or swvc.kind != Kind.SWVC:
        yield wrong_end(item, "UCS_OF_SWVC of a UCS leads to an SWVC")
    elif isinstance(own, Ucs):
        names = swvc.swvc.get("underlays") or [swvc.swvc.get("carrier")]
        if own.underlay.name not in names:
            text, hint = f"{label_of(own)} is none of this SWVC", f"Modify the SWVC, with {UCS_OF} to all its UCSs."
            yield Problem("invalidValue", item.path, text, hint, "W100 R4")
