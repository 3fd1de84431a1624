"""The inventory is a projection of the services: an SWVC and its end points, and the events of these elements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, cast
from uuid import uuid4

from sqlalchemy import Connection, Row, Table, bindparam, select, update

from presto.domain.model import ON_ITS_WAY_OUT, UNFINISHED, State
from presto.persistence.events import EventType, NewEvent
from presto.persistence.order_tables import SWVCS, ElementRow, documents
from presto.persistence.projected_events import element_events, parts
from presto.persistence.tables import NewService, ServiceRow
from presto.persistence.unit_of_work import NewOrder, UnitOfWork
from presto_api.lifecycles import SERVICE_GRAPH, ServiceState, service_state, step

SWVC, END_POINT, UNI = "swvc", "swvc-end-point", "sd-wan-uni"
"""The kinds of elements, by the names of their W100 payloads; UNIs come from the inventory of uCPEs."""

_ELEMENTS = cast(Table, ElementRow.__table__)
_CHANGE = update(_ELEMENTS).where(_ELEMENTS.c.id == bindparam("element"))
_LIVE = select(_ELEMENTS).where(
    _ELEMENTS.c.service == bindparam("its_service"), _ELEMENTS.c.state != ServiceState.TERMINATED
)


@dataclass(frozen=True)
class Live:
    """The elements of a service that are not terminated, and the SWVCs that they are parts of, by the change."""

    elements: Sequence[Row[Any]] = ()
    documents: Mapping[int, Any] = field(default_factory=dict)

    @property
    def swvc(self) -> Any:
        """The document of the SWVC, None when there is none yet."""
        return next((self.documents[element.generation] for element in self.elements if element.kind == SWVC), None)

    def replaced(self, named: Collection[str]) -> dict[str, Any] | None:
        """What an order changes that names elements of these ids, to go back to; None when there is no SWVC yet."""
        requested = {element.id: element.requested for element in self.elements if element.id in named}
        return self.swvc and {"swvc": self.swvc, "requested": requested}


def live_elements(connection: Connection, service: str) -> list[Row[Any]]:
    """Those of a service that are not terminated."""
    return list(connection.execute(_LIVE, {"its_service": service}))


def live_before(connection: Connection, row: ServiceRow) -> Live:
    """What is there of a service, of which `row` is how it shall be."""
    elements = live_elements(connection, row.id)
    older = {(row.id, element.generation) for element in elements} - {(row.id, row.generation)}
    known = documents(connection, older) if older else {}
    return Live(
        elements,
        {**{generation: document for (_, generation), document in known.items()}, row.generation: row.document},
    )


def project(
    unit: UnitOfWork,
    row: ServiceRow | NewService,
    there: Live,
    order: NewOrder | None = None,
    restored: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[dict[tuple[str, str], str], list[NewEvent]]:
    """Bring the elements of a service in line with it; returns their ids by kind and end point, and what happened.

    What is requested of an element is what the order says, or what is `restored` of it, by its id.
    """
    live = {(element.kind, _key(element.kind, element.identifier)): element for element in there.elements}
    of_order = [item for item in order.items if item.requested] if order else []
    ordered_of = {(item.kind, item.end_point or ""): item.requested for item in of_order}
    if all(element.generation != row.generation for element in there.elements):
        unit.insert(SWVCS, [{"service": row.id, "generation": row.generation, "document": row.document}])
    told = {generation: parts(document) for generation, document in there.documents.items()}
    told.setdefault(row.generation, parts(row.document))
    ids = {place: element.id for place, element in live.items()}
    heard: list[NewEvent] = []
    new, changed = list[Mapping[str, Any]](), list[Mapping[str, Any]]()
    working = _working(row)
    ordered = order is not None or bool(restored)
    same = _same(there.documents, row) if not ordered else frozenset()
    for kind, identifier in [(SWVC, row.name), *((END_POINT, end["identifier"]) for end in row.document["end_points"])]:
        place = (kind, _key(kind, identifier))
        element = live.pop(place, None)
        requested = restored.get(element.id) if element else None
        requested = ordered_of.get(place) if requested is None else requested
        works = len(working) > 1 if kind == SWVC else identifier in working
        as_asked = ordered or (element is not None and element.generation in same)
        values = _values(row, works, identifier, element, requested, ordered=as_asked)
        if element:
            changed.append({"element": element.id, **values})
        else:
            ids[place] = row.id if kind == SWVC else str(uuid4())
            first = {"id": ids[place], "kind": kind, "service": row.id, "created": row.changed, "tenant": row.tenant}
            new.append({**first, **values})
        heard += element_events(ids[place], element, values, row.id, told)
    unit.insert(_ELEMENTS, new)
    if changed:
        unit.connection.execute(_CHANGE, changed)
    if State(row.state) not in UNFINISHED:
        heard += terminate(unit, live.values(), row.changed)
    return ids, heard


def _key(kind: str, identifier: str) -> str:
    return "" if kind == SWVC else identifier


def _values(
    row: ServiceRow | NewService,
    works: bool,
    identifier: str,
    element: Row[Any] | None,
    requested: Mapping[str, Any] | None,
    *,
    ordered: bool,
) -> dict[str, Any]:
    known: Mapping[str, Any] = (element.requested if element else {}) if requested is None else requested
    if not ordered and element and element.generation < row.generation:
        known = {name: value for name, value in known.items() if name != "serviceConfiguration"}
    before = ServiceState(element.state) if element else None
    wish = ServiceState.ACTIVE
    if row.document["locked"]:
        wish = ServiceState.RESERVED if known.get("state") == ServiceState.RESERVED else ServiceState.INACTIVE
    after = service_state(before, working=works, ordered=wish)
    if before not in {None, after}:
        step(SERVICE_GRAPH, before or after, after)
    started = element.started if element else None
    return {
        "identifier": identifier,
        "state": after,
        "started": started or (row.changed if after is ServiceState.ACTIVE else None),
        "requested": dict(known),
        "generation": row.generation,
    }


def _same(documents: Mapping[int, Any], row: ServiceRow | NewService) -> frozenset[int]:
    """The changes before this one whose SWVC was the same, so that what was requested of it still holds."""
    here = _ordered(row.document) if documents.keys() - {row.generation} else {}
    return frozenset(number for number in documents.keys() - {row.generation} if _ordered(documents[number]) == here)


def _ordered(swvc: Mapping[str, Any]) -> dict[str, Any]:
    """What an SWVC is, without what one API alone knows of it and what the server chose."""
    ends = [_less(end, "tapi", "local_id") for end in swvc["end_points"]]
    maps = [*(end["overrides"] for end in ends), swvc["mappings"]]
    assignments = [[_less(entry, "kind") for entry in entries] for entries in maps]
    parts_of_it = _less(swvc, "tapi", "listed_end_points", "carrier", "wan_ports", "mappings")
    return {**parts_of_it, "end_points": [_less(end, "overrides") for end in ends], "maps": assignments}


def _less(members: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in members.items() if name not in names}


def _working(row: ServiceRow | NewService) -> frozenset[str]:
    """The end points that work."""
    if State(row.state) in ON_ITS_WAY_OUT or State(row.state) is State.LOCKED:
        return frozenset()
    return frozenset(name for name, end in row.end_points.items() if end["working"])


def terminate(unit: UnitOfWork, elements: Iterable[Row[Any]], now: datetime) -> list[NewEvent]:
    """Elements are gone; their rows stay. Returns what happened."""
    heard: list[NewEvent] = []
    ended: list[Mapping[str, Any]] = []
    for element in elements:
        state = step(SERVICE_GRAPH, ServiceState(element.state), ServiceState.TERMINATED)
        ended.append({"element": element.id, "state": state, "ended": now})
        kinds = (EventType.SERVICE_STATE_CHANGE, EventType.SERVICE_DELETE)
        heard += [NewEvent(kind, element.id, element.service, state) for kind in kinds]
    if ended:
        unit.connection.execute(_CHANGE, ended)
    return heard
