"""What the items of an order mean together: the one SWVC that they make, change or remove."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from common.findings import Finding, Path, Rejected, Tag
from orchestrator.inventory import Uni
from presto.domain.enrolled import Enrolled
from presto.domain.model import Application, EndPoint, Policy, PolicyAssignment, Swvc
from presto.mef import from_core
from presto.mef.enrolled import NamedResources
from presto.mef.from_core import effective_map
from presto.mef.items import ENROLLED, Item
from presto.mef.relationships import OF_SWVC, TO_UNI, Links, Other, wrong_end
from presto.mef.to_core import Places, SwvcParts, policy_map, swvc_parts
from presto.service.orders import ElementRecord
from presto_api.mef import payload
from presto_api.mef.payload import Kind
from presto_api.mef.problems import Problem

Named = TypeVar("Named", Application, Policy)


@dataclass
class Plan:
    """What an order does to its SWVC; `service` is the id of one that exists, `locked` None leaves it as it is.

    `uni_ends` maps the number of a UNI item to the end point on that UNI. `places` is filled by `result`.
    """

    verb: Literal["create", "update", "delete"]
    service: str | None
    locked: bool | None
    parts: SwvcParts | None
    ends: dict[int, EndPoint] = field(default_factory=dict)
    replaces: dict[int, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    uni_ends: dict[int, str] = field(default_factory=dict)
    item_places: dict[int, Places] = field(default_factory=dict)
    places: Places = field(default_factory=dict)

    def result(self, current: Swvc | None) -> Swvc:
        """The SWVC as it shall be, and in `places` where its parts stand in the order."""
        parts = self.parts
        swvc = current or Swvc(identifier="", service_type="multipoint", end_points=())
        self.places = dict(parts.places) if parts else {}
        if parts:
            pair = swvc.service_type == "point-to-point" and parts.service_type == "multipoint"
            swvc = replace(
                swvc,
                identifier=parts.identifier,
                reserved_prefixes=parts.reserved,
                applications=_in_old_words(parts.applications, swvc.applications, from_core.flow),
                policies=_in_old_words(parts.policies, swvc.policies, from_core.policy),
                underlays=parts.underlays,
                service_type="point-to-point" if pair and len(self._ends(swvc)) < 3 else parts.service_type,
            )
        ends = self._ends(swvc)
        self._locate(ends)
        if parts:
            ends = [(number, replace(end, role=parts.roles.get(end.identifier, "symmetric"))) for number, end in ends]
        listed = parts.listed if parts else ()
        locked = swvc.locked if self.locked is None else self.locked
        swvc = replace(swvc, end_points=tuple(end for _, end in ends), locked=locked, listed_end_points=listed)
        return self._shared(replace(swvc, mappings=()))

    def ends_known(self, path: Path) -> bool:
        """Whether the end point that a finding is about names a UNI that was understood."""
        ends = list(self.ends.values())
        index = path[1]
        return isinstance(index, int) and index < len(ends) and bool(ends[index].uni)

    def _shared(self, swvc: Swvc) -> Swvc:
        """What every end point's map says stands in the service's own, where other APIs look for it."""
        maps = [end.overrides for end in swvc.end_points]
        if not maps or any(len({entry.application for entry in entries}) < len(entries) for entries in maps):
            return swvc
        others = [set(entries) for entries in maps[1:]]
        common = [entry for entry in maps[0] if all(entry in entries for entries in others)]
        numbers = {entry: number for number, entry in enumerate(common)}
        moved: Places = {}
        ends = []
        for index, end in enumerate(swvc.end_points):
            kept: list[PolicyAssignment] = []
            for position, entry in enumerate(end.overrides):
                shared = entry in numbers
                number = numbers[entry] if shared else len(kept)
                base: Path = ("mappings", number) if shared else ("end_points", index, "overrides", number)
                for part in ("application", "policy"):
                    place = self.places.pop(("end_points", index, "overrides", position, part), None)
                    if place:
                        moved.setdefault((*base, part), place)
                if not shared:
                    kept.append(entry)
            ends.append(replace(end, overrides=tuple(kept)))
        self.places |= moved
        return replace(swvc, mappings=tuple(common), end_points=tuple(ends))

    def _ends(self, swvc: Swvc) -> list[tuple[int | None, EndPoint]]:
        """The end points with the number of the item that orders each; the others bring their whole map along."""
        changed = {identifier: number for number, identifier in self.replaces.items()}
        if not {*changed, *self.removed} <= {end.identifier for end in swvc.end_points}:
            text, hint = "An end point of the order has gone meanwhile", "Look at the inventory and order again."
            raise Rejected([Finding(Tag.IN_USE, (), text, hint)])
        ends: list[tuple[int | None, EndPoint]] = []
        for end in swvc.end_points:
            number = changed.get(end.identifier)
            if end.identifier in self.removed:
                continue
            if number is not None:
                new = self.ends[number]
                ends.append((number, replace(new, local_id=end.local_id, role=end.role, tapi=end.tapi)))
            else:
                whole = tuple(PolicyAssignment(*entry) for entry in effective_map(swvc, end).items())
                ends.append((None, replace(end, overrides=whole)))
        return ends + [(number, end) for number, end in self.ends.items() if number not in self.replaces]

    def _locate(self, ends: list[tuple[int | None, EndPoint]]) -> None:
        self.places[("end_points",)] = ("serviceOrderItem",)
        for index, (number, _) in enumerate(ends):
            if number is None:
                continue
            for path, place in self.item_places[number].items():
                self.places[("end_points", index, *path)] = place


def make_plan(
    items: Sequence[Item],
    links: Links,
    named: NamedResources,
    elements: Mapping[str, ElementRecord],
    enrolment: Enrolled,
) -> tuple[Plan, list[Problem]]:
    """Put the items together, with everything that does not fit: `named` are the enrolled resources that they name."""
    problems: list[Problem] = []
    swvcs = [item for item in items if item.kind is Kind.SWVC]
    targets = {item.element.service for item in items if item.element}
    plan = Plan("create", None, locked=_locked(items), parts=None)
    for item in swvcs[1:]:
        problems.append(Problem("otherIssue", item.path, "An order is about one SWVC", "Send another order."))
    if swvcs and isinstance(swvcs[0].payload, payload.Swvc):
        plan.parts = _parts(swvcs[0], swvcs[0].payload, named, enrolment)
        problems += plan.parts.problems
    for item in items:
        if isinstance(item.payload, payload.EndPoint):
            target = _add_end_point(item, item.payload, plan, links, named, elements, enrolment, problems)
            targets |= {target} if target else set()
    problems += _told_twice(items)
    deleted = [item.element for item in items if item.wire.action == "delete" and item.element]
    plan.removed = tuple(element.identifier for element in deleted if element.kind == Kind.END_POINT)
    if len(items) == len(links.known):
        problems += _settle(plan, items, swvcs, targets)
        problems += _check_shared_state(plan, swvcs, elements)
    return plan, problems


def _in_old_words(new: Sequence[Named], old: Sequence[Named], told: Callable[[Any], Any]) -> tuple[Named, ...]:
    """What means the same as before is left as another API has written it; `told` gives what it means."""
    before = {one.identifier: one for one in old}
    same = {name for one in new if (name := one.identifier) in before and told(before[name]) == told(one)}
    return tuple(before[one.identifier] if one.identifier in same else one for one in new)


def _told_twice(items: Sequence[Item]) -> Iterator[Problem]:
    """Only one of two items for the same end point could be done."""
    seen: set[str] = set()
    for item in items:
        if item.element and item.kind is Kind.END_POINT:
            if item.element.id in seen:
                text = f"End point {item.element.identifier} stands in two items"
                yield Problem("invalidValue", item.path, text, "Keep one.")
            seen.add(item.element.id)


def _parts(item: Item, given: payload.Swvc, named: NamedResources, enrolment: Enrolled) -> SwvcParts:
    parts = swvc_parts(given, item.configuration, enrolment.inventory)
    if named.underlays:
        parts.underlays = tuple(dict.fromkeys([*parts.underlays, *named.underlays]))
        if not given.ucs_list:
            parts.places[("underlays",)] = item.path
    return parts


def _locked(items: Sequence[Item]) -> bool | None:
    """Whether the SWVC shall be kept off the network; None: as it is, as is what an item shows as it stands."""
    states = {item.wire.service.state for item in items if item.kind not in ENROLLED and not _stands_so(item)} - {None}
    return bool(states & {"inactive", "reserved"}) if states else None


def _stands_so(item: Item) -> bool:
    """Whether the state of an item is the one that its service has, be it because that does not work."""
    return item.element is not None and item.element.state == item.wire.service.state


def _settle(plan: Plan, items: Sequence[Item], swvcs: list[Item], targets: set[str]) -> Iterator[Problem]:
    """Which SWVC it is about, and what happens to it."""
    adds = bool(swvcs) and swvcs[0].wire.action == "add"
    if len(targets) > 1 or (adds and targets):
        yield Problem("otherIssue", ("serviceOrderItem",), "An order is about one SWVC", "Send another order.")
    counted = (item for item in items if item.kind is Kind.SWVC or not (item.kind in ENROLLED or _stands_so(item)))
    states = {item.wire.service.state for item in counted} - {None}
    if len(states) > 1:
        text = "An SWVC and its end points have one state"
        yield Problem("invalidValue", ("serviceOrderItem",), text, f"Ordered: {', '.join(sorted(map(str, states)))}.")
    if not adds and targets:
        plan.service = next(iter(targets))
        plan.verb = "delete" if swvcs and swvcs[0].wire.action == "delete" else "update"
    if plan.verb == "delete":
        for item in items:
            if item.wire.action != "delete":
                text = "The SWVC is deleted by the same order"
                yield Problem("otherIssue", (*item.path, "action"), text, "Its end points go with it.")


def _check_shared_state(plan: Plan, swvcs: list[Item], elements: Mapping[str, ElementRecord]) -> Iterator[Problem]:
    """End points without their SWVC cannot change the state that they share with it."""
    current = next((element for element in elements.values() if element.service == plan.service), None)
    if not swvcs and current and plan.locked not in {None, current.swvc["locked"]}:
        text = "An end point has the state of its SWVC"
        yield Problem("invalidValue", ("serviceOrderItem",), text, "Order that state for the SWVC as well.")


def _add_end_point(
    item: Item,
    given: payload.EndPoint,
    plan: Plan,
    links: Links,
    named: NamedResources,
    elements: Mapping[str, ElementRecord],
    enrolment: Enrolled,
    problems: list[Problem],
) -> str | None:
    """Enter an end point into the plan; returns the id of its SWVC when that exists."""
    swvc, connected = links.one(item, OF_SWVC), links.one(item, TO_UNI)
    target = None
    if isinstance(swvc, Item) and swvc.kind is not Kind.SWVC:
        problems.append(wrong_end(item, f"Item {swvc.wire.id} is no SWVC"))
    elif isinstance(swvc, str):
        found = elements.get(swvc)
        if not found or found.kind != Kind.SWVC or found.state == "terminated":
            problems.append(wrong_end(item, f'There is no SWVC "{swvc[:60]}"'))
        else:
            target = found.service
    uni = _uni(connected, named, item, enrolment, problems)
    places: Places = {(): item.path, ("identifier",): (*item.configuration, "swVcEndPointIdentifier")}
    places[("uni",)] = (*item.path, "serviceOrderItemRelationship" if isinstance(connected, Item) else "service")
    entries = []
    memberless = plan.parts.memberless if plan.parts else frozenset()
    for entry in policy_map(given, item.configuration, places, memberless):
        if isinstance(entry, Problem):
            problems.append(entry)
        else:
            entries.append(entry)
    plan.item_places[item.number] = places
    identifier = given.sw_vc_end_point_identifier
    plan.ends[item.number] = EndPoint(identifier, uni, overrides=tuple(entries))
    if item.element:
        plan.replaces[item.number] = item.element.identifier
        if identifier != item.element.identifier:
            text, hint = "An end point keeps its identifier", "Delete it and add another."
            path = places[("identifier",)]
            problems.append(Problem("invalidValue", path, text, hint, "MEF 99.1 R29"))
    if isinstance(connected, Item):
        plan.uni_ends[connected.number] = identifier
    return target


def _uni(related: Other | None, named: NamedResources, item: Item, enrolment: Enrolled, problems: list[Problem]) -> str:
    if isinstance(related, Item):
        if related.kind is not Kind.UNI:
            problems.append(wrong_end(item, f"Item {related.wire.id} is no SD-WAN UNI"))
        uni = named.uni(related)
        return uni.id if uni else ""
    if related is not None and not isinstance(enrolment.get(related), Uni):
        problems.append(wrong_end(item, f'There is no SD-WAN UNI "{related[:60]}"'))
    return related or ""
