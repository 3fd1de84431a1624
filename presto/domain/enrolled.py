"""What is enrolled with the uCPEs: UNIs, and the underlays with their ends.

MEF 70 calls an underlay an underlay connectivity service (UCS): a WAN port is a UCS UNI, and what attaches it to its
underlay is a UCS end point. Their ids are made of their names, so they are the same whenever they are asked for.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from orchestrator.inventory import Inventory, Underlay, Uni, WanPort

UNI, UCS, UCS_UNI, UCS_END_POINT = "sd-wan-uni", "ucs", "ucs-uni", "ucs-end-point"
"""The kinds, by the names of their W100 payloads."""

KINDS = (UNI, UCS, UCS_UNI, UCS_END_POINT)
LONGEST = 53
"""Characters of an identifier of MEF 70; what has a longer name is called by its id."""

_NAMESPACE = uuid.UUID("6f1c0f0e-3d5a-4d2f-8a55-9a1b0f7d2c11")


@dataclass(frozen=True)
class Ucs:
    """An underlay."""

    id: str
    name: str
    underlay: Underlay


@dataclass(frozen=True)
class UcsUni:
    """A WAN port: the access to an underlay."""

    id: str
    name: str
    ucpe: str
    port: str


@dataclass(frozen=True)
class UcsEndPoint:
    """What attaches a WAN port to its underlay."""

    id: str
    name: str
    ucpe: str
    wan: WanPort

    @cached_property
    def ucs(self) -> str:
        """The id of its underlay."""
        return ucs_id(self.wan.underlay)

    @cached_property
    def ucs_uni(self) -> str:
        """The id of its port."""
        return ucs_uni_id(self.ucpe, self.wan.port)


Resource = Uni | Ucs | UcsUni | UcsEndPoint


def ucs_id(underlay: str) -> str:
    """The id of an underlay."""
    return str(uuid.uuid5(_NAMESPACE, f"{UCS}/{underlay}"))


def ucs_uni_id(ucpe: str, port: str) -> str:
    """The id of a WAN port."""
    return str(uuid.uuid5(_NAMESPACE, f"{UCS_UNI}/{ucpe}/{port}"))


def ucs_end_point_id(ucpe: str, wan: WanPort) -> str:
    """The id of the attachment of a WAN port."""
    return str(uuid.uuid5(_NAMESPACE, f"{UCS_END_POINT}/{ucpe}/{wan.port}/{wan.underlay}"))


def wan_ids(ucpe: str, wan: WanPort) -> tuple[str, str, str]:
    """The ids of all that a site needs to use a WAN port."""
    return ucs_id(wan.underlay), ucs_uni_id(ucpe, wan.port), ucs_end_point_id(ucpe, wan)


def kind_of(resource: Resource) -> str:
    """The kind of a resource."""
    return KINDS[(Uni, Ucs, UcsUni, UcsEndPoint).index(type(resource))]


class Enrolled:
    """All that is enrolled in an inventory, in the order of `KINDS`, by id and by name."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        resources = list(_named([*_ucss(inventory), *_ends(inventory)]))
        self.resources: tuple[Resource, ...] = (
            *inventory.unis,
            *sorted(resources, key=lambda resource: KINDS.index(kind_of(resource))),
        )
        self._by_id = {resource.id: resource for resource in self.resources}
        self._by_name = {(kind_of(resource), resource.name): resource for resource in reversed(self.resources)}
        self._wans: dict[str, set[str]] = {}
        for end in self.resources:
            if isinstance(end, UcsEndPoint):
                self._wans.setdefault(end.ucpe, set()).update((end.id, end.ucs, end.ucs_uni))

    def get(self, resource_id: str) -> Resource | None:
        """The resource of that id."""
        return self._by_id.get(resource_id)

    def find(self, kind: str, id_or_name: str) -> Resource | None:
        """The resource of that kind with that id, or else the first of that name."""
        found = self._by_id.get(id_or_name)
        return found if found and kind_of(found) == kind else self._by_name.get((kind, id_or_name))

    def of_kind(self, kind: str) -> tuple[Resource, ...]:
        """All resources of a kind."""
        return tuple(resource for resource in self.resources if kind_of(resource) == kind)

    def wans_of(self, ucpe: str) -> Collection[str]:
        """The ids of the underlays of a uCPE, and of what attaches it to them."""
        return self._wans.get(ucpe, ())

    def ends_of(self, resource: Resource) -> tuple[UcsEndPoint, ...]:
        """The UCS end points that attach to an underlay, or are at a port."""
        ends = (end for end in self.resources if isinstance(end, UcsEndPoint))
        return tuple(end for end in ends if resource.id in {end.ucs, end.ucs_uni})


def _ucss(inventory: Inventory) -> Iterator[Ucs]:
    for name in dict.fromkeys(wan.underlay for ucpe in inventory.ucpes for wan in ucpe.wan):
        yield Ucs(ucs_id(name), name, inventory.underlay(name))


def _ends(inventory: Inventory) -> Iterator[UcsUni | UcsEndPoint]:
    for ucpe in inventory.ucpes:
        for port in dict.fromkeys(wan.port for wan in ucpe.wan):
            yield UcsUni(ucs_uni_id(ucpe.id, port), f"{ucpe.id}-{port}", ucpe.id, port)
        for wan in ucpe.wan:
            name = f"{ucpe.id}-{wan.port}-{wan.underlay}"
            yield UcsEndPoint(ucs_end_point_id(ucpe.id, wan), name, ucpe.id, wan)


def _named(resources: Iterable[Ucs | UcsUni | UcsEndPoint]) -> Iterator[Ucs | UcsUni | UcsEndPoint]:
    """Each with a name that fits and that no other of its kind has."""
    taken: set[tuple[str, str]] = set()
    for resource in resources:
        place = (kind_of(resource), resource.name)
        if len(resource.name) > LONGEST or place in taken:
            yield replace(resource, name=resource.id)
        else:
            taken.add(place)
            yield resource
