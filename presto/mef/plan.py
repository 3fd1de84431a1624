"""What the items of an order mean together: the one SWVC that they make, change or remove."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from orchestrator.inventory import Inventory, Uni
from presto.core.check import find_uni
from presto.core.findings import Finding, Path, Rejected, Tag
from presto.core.model import EndPoint, PolicyAssignment, Swvc
from presto.core.orders import ElementRecord
from presto.mef import payload
from presto.mef.from_core import effective_map
from presto.mef.items import Item
from presto.mef.payload import Kind
from presto.mef.problems import Problem
from presto.mef.to_core import Places, SwvcParts, policy_map, swvc_parts, uni_problems

OF_SWVC, TO_UNI = "ENDPOINT_OF_SWVC", "CONNECTS_TO_SDWAN_UNI"


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
    unis: dict[int, Uni] = field(default_factory=dict)
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
                applications=parts.applications,
                policies=parts.policies,
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
        """What every end point's map says stands in the service's own, where other faces look for it."""
        maps = [end.overrides for end in swvc.end_points]
        if not maps or any(len({entry.application for entry in entries}) < len(entries) for entries in maps):
            return swvc
        common = [entry for entry in maps[0] if all(entry in entries for entries in maps)]
        moved: Places = {}
        ends = []
        for index, end in enumerate(swvc.end_points):
            kept = [entry for entry in end.overrides if entry not in common]
            for position, entry in enumerate(end.overrides):
                shared = entry in common
                number = (common if shared else kept).index(entry)
                base: Path = ("mappings", number) if shared else ("end_points", index, "overrides", number)
                for part in ("application", "policy"):
                    place = self.places.pop(("end_points", index, "overrides", position, part), None)
                    if place:
                        moved.setdefault((*base, part), place)
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
                ends.append((number, replace(new, local_id=end.local_id, role=end.role, tapi=_echo(end, new))))
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


def _echo(old: EndPoint, new: EndPoint) -> Mapping[str, object]:
    """What only TAPI knows stays, but its own name for the UNI, when that is another."""
    return old.tapi if old.uni == new.uni else {k: v for k, v in old.tapi.items() if k != "endpoint-uni"}


def make_plan(
    items: Sequence[Item], known: Collection[str], elements: Mapping[str, ElementRecord], inventory: Inventory
) -> tuple[Plan, list[Problem]]:
    """Put the items together, with everything that does not fit.

    `known` are the ids of all items of the order: `items` lacks those whose form is wrong.
    """
    problems: list[Problem] = []
    by_id = {item.wire.id: item for item in items}
    swvcs = [item for item in items if item.kind is Kind.SWVC]
    targets = {item.element.service for item in items if item.element}
    plan = Plan("create", None, locked=_locked(items), parts=None)
    for item in swvcs[1:]:
        problems.append(Problem("otherIssue", item.path, "An order is about one SWVC", "Send another order."))
    _take_unis(items, plan, inventory, problems)
    for item in items:
        if item.kind is Kind.END_POINT and item.payload is not None:
            target = _take_end_point(item, plan, by_id, known, elements, inventory, problems)
            targets |= {target} if target else set()
    if swvcs and isinstance(swvcs[0].payload, payload.Swvc):
        plan.parts = swvc_parts(swvcs[0].payload, swvcs[0].configuration, inventory)
        problems += plan.parts.problems
    deleted = [item.element for item in items if item.wire.action == "delete" and item.element]
    plan.removed = tuple(element.identifier for element in deleted if element.kind == Kind.END_POINT)
    if len(items) == len(known):
        problems += _settle(plan, items, swvcs, targets)
        problems += _lone_state(plan, swvcs, elements)
        problems += _idle_unis(items, plan)
    return plan, problems


def _locked(items: Sequence[Item]) -> bool | None:
    states = {item.wire.service.state for item in items if item.kind is not Kind.UNI} - {None}
    return bool(states & {"inactive", "reserved"}) if states else None


def _settle(plan: Plan, items: Sequence[Item], swvcs: list[Item], targets: set[str]) -> Iterator[Problem]:
    """Which SWVC it is about, and what happens to it."""
    adds = bool(swvcs) and swvcs[0].wire.action == "add"
    if not any(item.kind in {Kind.SWVC, Kind.END_POINT} for item in items):
        yield Problem("otherIssue", ("serviceOrderItem",), "The order has no SWVC and no end point of one")
        return
    if len(targets) > 1 or (adds and targets):
        yield Problem("otherIssue", ("serviceOrderItem",), "An order is about one SWVC", "Send another order.")
    states = {item.wire.service.state for item in items if item.kind is not Kind.UNI and item.wire.service.state}
    if len(states) > 1:
        text = "An SWVC and its end points have one state"
        yield Problem("invalidValue", ("serviceOrderItem",), text, f"Ordered: {', '.join(sorted(states))}.")
    if not adds and targets:
        plan.service = next(iter(targets))
        plan.verb = "delete" if swvcs and swvcs[0].wire.action == "delete" else "update"
    if plan.verb == "delete":
        for item in items:
            if item.wire.action != "delete":
                text = "The SWVC is deleted by the same order"
                yield Problem("otherIssue", (*item.path, "action"), text, "Its end points go with it.")


def _lone_state(plan: Plan, swvcs: list[Item], elements: Mapping[str, ElementRecord]) -> Iterator[Problem]:
    """End points without their SWVC cannot change the state that they share with it."""
    current = next((element for element in elements.values() if element.service == plan.service), None)
    if not swvcs and current and plan.locked not in {None, current.swvc["locked"]}:
        text = "An end point has the state of its SWVC"
        yield Problem("invalidValue", ("serviceOrderItem",), text, "Order that state for the SWVC as well.")


def _take_unis(items: Sequence[Item], plan: Plan, inventory: Inventory, problems: list[Problem]) -> None:
    for item in items:
        if not isinstance(item.payload, payload.Uni):
            continue
        name = item.payload.uni_identifier
        uni = find_uni(inventory, name)
        if uni is None:
            known = ", ".join(uni.name for uni in inventory.unis[:8])
            path = (*item.configuration, "uniIdentifier")
            text = f'There is no UNI "{name}"'
            problems.append(Problem("referenceNotFound", path, text, f"UNIs: {known or 'none'}.", "W100 R4"))
            continue
        plan.unis[item.number] = uni
        problems += uni_problems(item.payload, item.configuration, uni)
        if not any(place.role == "INSTALL_LOCATION" for place in item.wire.service.place or ()):
            text = "A UNI needs the place where it is installed"
            hint = 'Give a place with role "INSTALL_LOCATION".'
            problems.append(Problem("missingProperty", (*item.path, "service", "place"), text, hint, "W100 R7"))


def _take_end_point(
    item: Item,
    plan: Plan,
    by_id: Mapping[str, Item],
    known: Collection[str],
    elements: Mapping[str, ElementRecord],
    inventory: Inventory,
    problems: list[Problem],
) -> str | None:
    """Enter an end point into the plan; returns the id of its SWVC when that exists."""
    if not isinstance(item.payload, payload.EndPoint):
        return None
    swvc = _related(item, OF_SWVC, by_id, known, problems)
    connected = _related(item, TO_UNI, by_id, known, problems)
    problems += _other_relationships(item)
    target = None
    if isinstance(swvc, Item) and swvc.kind is not Kind.SWVC:
        problems.append(_wrong(item, f"Item {swvc.wire.id} is no SWVC"))
    elif isinstance(swvc, str):
        found = elements.get(swvc)
        if not found or found.kind != Kind.SWVC or found.state == "terminated":
            problems.append(_wrong(item, f'There is no SWVC "{swvc[:60]}"'))
        else:
            target = found.service
    uni = _uni(connected, plan, item, inventory, problems)
    places: Places = {(): item.path, ("identifier",): (*item.configuration, "swVcEndPointIdentifier")}
    places[("uni",)] = (*item.path, "serviceOrderItemRelationship" if isinstance(connected, Item) else "service")
    entries = []
    for entry in policy_map(item.payload, item.configuration, places, ("overrides",)):
        if isinstance(entry, Problem):
            problems.append(entry)
        else:
            entries.append(entry)
    plan.item_places[item.number] = places
    identifier = item.payload.sw_vc_end_point_identifier
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


def _uni(related: Item | str | None, plan: Plan, item: Item, inventory: Inventory, problems: list[Problem]) -> str:
    if isinstance(related, Item):
        if related.kind is not Kind.UNI:
            problems.append(_wrong(item, f"Item {related.wire.id} is no SD-WAN UNI"))
        return plan.unis[related.number].id if related.number in plan.unis else ""
    if related is not None and not any(uni.id == related for uni in inventory.unis):
        problems.append(_wrong(item, f'There is no SD-WAN UNI "{related[:60]}"'))
    return related or ""


def _wrong(item: Item, text: str) -> Problem:
    return Problem("referenceNotFound", item.path, text, "Look at the inventory.", "W100 R4")


def _related(
    item: Item, role: str, by_id: Mapping[str, Item], known: Collection[str], problems: list[Problem]
) -> Item | str | None:
    """The one other end of a relationship: an item of this order, or the id of a service."""
    found: list[Item | str] = []
    for index, relationship in enumerate(item.wire.service_order_item_relationship or ()):
        here: Path = (*item.path, "serviceOrderItemRelationship", index)
        reference = relationship.order_item
        if relationship.relationship_type != role:
            continue
        if reference.service_order_id is not None or reference.service_order_href is not None:
            text, hint = "Items of other orders cannot be referred to", "Refer to their service by its id."
            member = "serviceOrderId" if reference.service_order_id is not None else "serviceOrderHref"
            path = (*here, "orderItem", member)
            problems.append(Problem("unexpectedProperty", path, text, hint, "MEF 99.1 R21"))
        elif reference.item_id not in by_id:
            if reference.item_id not in known:
                text = f'There is no item "{reference.item_id[:60]}" in this order'
                problems.append(Problem("referenceNotFound", (*here, "orderItem", "itemId"), text))
            found.append("")
        else:
            found.append(by_id[reference.item_id])
    services = item.wire.service.service_relationship or ()
    found += [other.service.id for other in services if other.relationship_type == role]
    if len(found) != 1:
        text = f"An end point has exactly one relationship {role}, not {len(found)}"
        rule = "MEF 99.1 R29; W100 R7" if item.wire.action == "modify" else "W100 R7"
        code: Literal["missingProperty", "invalidValue"] = "invalidValue" if found else "missingProperty"
        problems.append(Problem(code, (*item.path, "serviceOrderItemRelationship"), text, "", rule))
    return found[0] or None if found else None


def _other_relationships(item: Item) -> Iterator[Problem]:
    listed = [
        ((*item.path, "serviceOrderItemRelationship", index), other.relationship_type)
        for index, other in enumerate(item.wire.service_order_item_relationship or ())
    ]
    listed += [
        ((*item.path, "service", "serviceRelationship", index), other.relationship_type)
        for index, other in enumerate(item.wire.service.service_relationship or ())
    ]
    for path, role in listed:
        if role not in {OF_SWVC, TO_UNI}:
            text, hint = "This is no relationship of an end point", f"Use {OF_SWVC} and {TO_UNI}."
            yield Problem("invalidValue", (*path, "relationshipType"), text, hint, "W100 R4")


def _idle_unis(items: Sequence[Item], plan: Plan) -> Iterator[Problem]:
    for item in items:
        if item.kind is Kind.UNI and item.number in plan.unis and item.number not in plan.uni_ends:
            text = "No end point of this order connects to this UNI"
            yield Problem("otherIssue", item.path, text, f"Give one the relationship {TO_UNI}.")
