"""The types that a template and its imports define, with everything that they inherit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from common.yaml_reader import Document
from orchestrator.tosca.documents.report import Place, Report
from orchestrator.tosca.schema.constraints import BadConstraint, Constraint, parse_constraint

PRIMITIVES = frozenset({"string", "integer", "float", "boolean", "list", "map"})

ROOTS = {
    "data_types": "tosca.datatypes.Root",
    "artifact_types": "tosca.artifacts.Root",
    "capability_types": "tosca.capabilities.Root",
    "relationship_types": "tosca.relationships.Root",
    "node_types": "tosca.nodes.Root",
}
"""Each section of type definitions and the normative type that its members derive from in the end."""


@dataclass(frozen=True)
class Definition:
    """A type's definition as it stands in a document."""

    section: str
    name: str
    body: Mapping[str, Any]
    place: Place


@dataclass(frozen=True)
class Schema:
    """What a value must be: `primitive` is None for a map with named fields, whose type is `type`.

    `lineage` is the data type and its ancestors, the primitive type included. `description` is the definition's own.
    """

    type: str
    lineage: tuple[str, ...]
    primitive: str | None
    constraints: tuple[Constraint, ...]
    entry: Schema | None
    key: Schema | None
    description: str = ""

    def same(self, other: Schema) -> bool:
        """Whether both say the same of a value; constraints do when they read the same."""
        own = ((self.entry, other.entry), (self.key, other.key))
        return (
            self.lineage == other.lineage
            and [one.text for one in self.constraints] == [one.text for one in other.constraints]
            and all(mine.same(others) if mine and others else mine is others for mine, others in own)
        )


@dataclass(frozen=True)
class Field:
    """A property or an input: what its value must be and what it is when nothing is said."""

    name: str
    schema: Schema
    required: bool
    default: Any
    place: Place


class Types:
    """All type definitions of some documents; what is malformed counts as absent, `definitions` reports it."""

    def __init__(self, documents: tuple[Document, ...], report: Report) -> None:
        self.definitions: dict[str, dict[str, Definition]] = {section: {} for section in ROOTS}
        for document in documents:
            for section in ROOTS:
                self._collect(document, section, report)
        self.fields = cache(self._fields)
        self.lineage = cache(self._lineage)

    def _collect(self, document: Document, section: str, report: Report) -> None:
        bodies = document.data.get(section) if isinstance(document.data, dict) else None
        for name, body in (bodies if isinstance(bodies, dict) else {}).items():
            place = Place(document, (section, name))
            earlier = self.definitions[section].get(name)
            if earlier is not None and earlier.place.document is not None:
                report.add(place, f"{name} is defined a second time", f"first in {earlier.place.document.name}")
            else:
                self.definitions[section][name] = Definition(
                    section, name, body if isinstance(body, dict) else {}, place
                )

    def known(self, section: str, name: Any) -> bool:
        """True for a type that is defined here, is a root, or is a primitive data type."""
        if not isinstance(name, str):
            return False
        return name in self.definitions[section] or name == ROOTS[section] or self._primitive(section, name)

    def names(self, section: str) -> list[str]:
        """All names that `known` accepts."""
        primitives = sorted(PRIMITIVES) if section == "data_types" else []
        return [*self.definitions[section], ROOTS[section], *primitives]

    def _lineage(self, section: str, name: str) -> tuple[str, ...]:
        """The type and its ancestors, nearest first; ends where an ancestor is unknown or comes a second time."""
        names: list[str] = []
        current: Any = name
        while self.known(section, current) and current not in names:
            names.append(current)
            definition = self.definitions[section].get(current)
            current = definition.body.get("derived_from") if definition else None
        return tuple(names)

    def is_a(self, section: str, name: str, ancestor: str) -> bool:
        """True when the type is the other one or derives from it."""
        return ancestor in self.lineage(section, name)

    def _fields(self, section: str, name: str) -> dict[str, Field]:
        """The properties of a type with the inherited ones, ancestors' first. A type may refine what it inherits."""
        bodies: dict[str, tuple[dict[str, Any], Place]] = {}
        for definition in self._ancestry(section, name):
            for key, body in _entries(definition.body.get("properties")):
                inherited = bodies.get(key, ({}, definition.place))[0]
                bodies[key] = _refined(inherited, body), definition.place / "properties" / key
        return {key: self.field(key, body, place) for key, (body, place) in bodies.items()}

    def field(self, name: str, body: Mapping[str, Any], place: Place) -> Field:
        """A property or an input out of its definition."""
        required = body.get("required", True) is not False
        return Field(name, self.schema(body), required, body.get("default"), place)

    def schema(self, body: Mapping[str, Any]) -> Schema:
        """What the values of a property, an input, a list's or a map's entries must be."""
        type_name = body.get("type")
        lineage = self.lineage("data_types", type_name) if isinstance(type_name, str) else ()
        entry, key = body.get("entry_schema"), body.get("key_schema")
        inherited = [
            clause
            for definition in self._ancestry("data_types", lineage[0] if lineage else "")
            for clause in _constraints(definition.body)
        ]
        return Schema(
            type=str(type_name),
            lineage=lineage,
            primitive=next((name for name in lineage if name in PRIMITIVES), None),
            constraints=(*inherited, *_constraints(body)),
            entry=self.schema(entry) if isinstance(entry, dict) else None,
            key=self.schema(key) if isinstance(key, dict) else None,
            description=str(body.get("description") or ""),
        )

    def members(self, section: str, name: str, key: str) -> dict[str, tuple[Any, Place]]:
        """The entries under *key* (capabilities, artifacts …) of a type with the inherited ones, and their places."""
        found: dict[str, tuple[Any, Place]] = {}
        for definition in self._ancestry(section, name):
            found |= dict(_named(definition.body.get(key), definition.place / key))
        return found

    def value(self, section: str, name: str, key: str) -> Any:
        """What the nearest of the type and its ancestors says about *key*; None when none does."""
        bodies = [definition.body for definition in self._ancestry(section, name)]
        return next((body[key] for body in reversed(bodies) if key in body), None)

    def _ancestry(self, section: str, name: str) -> list[Definition]:
        """The definitions of the ancestors and of the type itself, in that order."""
        known = self.definitions[section]
        return [known[each] for each in reversed(self.lineage(section, name)) if each in known]

    @staticmethod
    def _primitive(section: str, name: str) -> bool:
        return section == "data_types" and name in PRIMITIVES


def _entries(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for key, body in (value if isinstance(value, dict) else {}).items():
        if isinstance(body, dict):
            yield key, body


def _refined(inherited: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    clauses = [clause for each in (inherited, body) for clause in _list(each.get("constraints"))]
    return {**inherited, **body, "constraints": clauses}


def _constraints(body: Mapping[str, Any]) -> list[Constraint]:
    found: list[Constraint] = []
    for clause in _list(body.get("constraints")):
        try:
            found.append(parse_constraint(clause))
        except BadConstraint:
            continue  # reported where the definition is checked
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _named(value: Any, place: Place) -> Iterator[tuple[str, tuple[Any, Place]]]:
    """The entries of a map, or of a list of maps with one entry each, as TOSCA writes requirements."""
    if isinstance(value, dict):
        for name, body in value.items():
            yield name, (body, place / name)
    for index, item in enumerate(_list(value)):
        if isinstance(item, dict):
            for name, body in item.items():
                yield name, (body, place / index / name)
