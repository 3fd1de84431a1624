"""How services refer to each other: the roles of W100, and what an item's relationships lead to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from common.findings import Path
from presto.mef.items import Item
from presto_api.mef.payload import Kind
from presto_api.mef.problems import Problem

OF_SWVC, TO_UNI = "ENDPOINT_OF_SWVC", "CONNECTS_TO_SDWAN_UNI"
UCS_OF, OF_UCS, TO_UCS_UNI = "UCS_OF_SWVC", "ENDPOINT_OF_UCS", "CONNECTS_TO_UCS_UNI"
ROLES: Mapping[Kind, tuple[str, ...]] = {
    Kind.SWVC: (UCS_OF,),
    Kind.END_POINT: (OF_SWVC, TO_UNI),
    Kind.UNI: (),
    Kind.UCS: (UCS_OF,),
    Kind.UCS_UNI: (),
    Kind.UCS_END_POINT: (OF_UCS, TO_UCS_UNI),
}

Other = Item | str
"""The other end of a relationship: an item of the same order, or the id of a service; empty when it is unknown."""


@dataclass
class Links:
    """The relationships between the items of an order; `known` are the ids of all items, `by_id` those in form.

    `elsewhere` has the ids of services by the order and the item that made them.
    """

    by_id: Mapping[str, Item]
    known: Collection[str]
    elsewhere: Mapping[tuple[str, str], str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def one(self, item: Item, role: str) -> Other | None:
        """The other end of a relationship that must be there exactly once; None when it is not or is unknown."""
        found = self.all(item, role)
        if len(found) != 1:
            text = f"An end point has exactly one relationship {role}, not {len(found)}"
            rule = "MEF 99.1 R29; W100 R7" if item.wire.action == "modify" else "W100 R7"
            code: Literal["missingProperty", "invalidValue"] = "invalidValue" if found else "missingProperty"
            self.problems.append(Problem(code, (*item.path, "serviceOrderItemRelationship"), text, "", rule))
        return found[0] or None if found else None

    def all(self, item: Item, role: str) -> list[Other]:
        """The other ends of all relationships of a role."""
        found: list[Other] = []
        for index, relationship in enumerate(item.wire.service_order_item_relationship or ()):
            here: Path = (*item.path, "serviceOrderItemRelationship", index, "orderItem")
            reference = relationship.order_item
            if relationship.relationship_type != role:
                continue
            if reference.service_order_id is not None:
                found.append(self._elsewhere(reference.service_order_id, reference.item_id, here))
                continue
            if reference.service_order_href is not None:
                text, hint = "An item of this order is named by its id alone", "Give serviceOrderId, or leave this out."
                place = (*here, "serviceOrderHref")
                self.problems.append(Problem("unexpectedProperty", place, text, hint, "MEF 99.1 R21"))
                continue
            if reference.item_id not in self.known:
                text = f'There is no item "{reference.item_id[:60]}" in this order'
                self.problems.append(Problem("referenceNotFound", (*here, "itemId"), text))
            found.append(self.by_id.get(reference.item_id, ""))
        services = item.wire.service.service_relationship or ()
        return found + [other.service.id for other in services if other.relationship_type == role]

    def _elsewhere(self, order: str, item: str, here: Path) -> str:
        if (order, item) in self.elsewhere:
            return self.elsewhere[order, item]
        text = f'There is no item "{item[:60]}" in another order "{order[:60]}"'
        self.problems.append(Problem("referenceNotFound", (*here, "serviceOrderId"), text, "Look at the orders."))
        return ""


def unknown_roles(item: Item) -> Iterator[Problem]:
    """Relationships that a service of this type has not."""
    wire, roles = item.wire, ROLES[item.kind]
    listed: list[tuple[Path, str]] = [
        ((*item.path, "serviceOrderItemRelationship", index), other.relationship_type)
        for index, other in enumerate(wire.service_order_item_relationship or ())
    ]
    listed += [
        ((*item.path, "service", "serviceRelationship", index), other.relationship_type)
        for index, other in enumerate(wire.service.service_relationship or ())
    ]
    for path, role in listed:
        if role not in roles:
            text = f"This is no relationship of a service of type {item.kind}"
            hint = f"Use {' and '.join(roles)}." if roles else "Leave it out."
            yield Problem("invalidValue", (*path, "relationshipType"), text, hint, "W100 R4")


def wrong_end(item: Item, text: str) -> Problem:
    """A relationship leads to something that it cannot be with."""
    return Problem("referenceNotFound", item.path, text, "Look at the inventory.", "W100 R4")
