"""Requirements of node templates: who points at whom, and whether that is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.findings import nearest
from orchestrator.tosca.definitions import check_reference
from orchestrator.tosca.documents.report import Place, Report, show
from orchestrator.tosca.schema.types import Field, Types
from orchestrator.tosca.shape import check_keys, sections

_ASSIGNMENT = {"node", "relationship", "capability"}
_RELATIONSHIP = {"type", "properties", "description", "metadata"}


@dataclass(frozen=True)
class PropertySet:
    """The properties of a relationship, as written and as its type defines them."""

    type: str
    fields: Mapping[str, Field]
    values: Mapping[str, Any]
    place: Place


@dataclass(frozen=True)
class Link:
    """A requirement of one node template that another one fulfils."""

    source: str
    requirement: str
    target: str
    place: Place
    properties: PropertySet | None


def read_relationship_templates(
    types: Types, topology: dict[str, Any], place: Place, report: Report
) -> dict[str, PropertySet]:
    """The relationship templates by name."""
    return {
        name: found
        for name, body, where in sections(place, topology, "relationship_templates", report)
        if (found := _property_set(types, body, where, None, report))
    }


def read_links(
    types: Types,
    source: str,
    body: dict[str, Any],
    place: Place,
    nodes: Mapping[str, str | None],
    templates: Mapping[str, PropertySet],
    report: Report,
) -> list[Link]:
    """The links that start at one node template.

    *nodes* maps all node templates to their types, or to None when they are wrong, which is reported already.
    """
    definitions = types.members("node_types", body["type"], "requirements")
    assigned = body.get("requirements") or []
    if not isinstance(assigned, list):
        report.add(place / "requirements", "requirements must be a list", "write - next: name")
        return []
    reader = _Reader(types, source, nodes, templates, report)
    links: list[Link] = []
    counts = dict.fromkeys(definitions, 0)
    for index, entry in enumerate(assigned):
        where = place / "requirements" / index
        if not isinstance(entry, dict) or len(entry) != 1:
            report.add(where, "a requirement must be a map with one entry, its name", "write - next: name")
            continue
        [(name, assignment)] = entry.items()
        if name not in definitions:
            report.add(where / name, f"{body['type']} has no requirement {name}", nearest(name, definitions))
            continue
        counts[name] += 1
        links += reader.link(name, definitions[name][0], assignment, where / name)
    for name, count in counts.items():
        _check_count(name, count, definitions[name][0], place, report)
    return links


def _check_count(name: str, count: int, definition: Any, place: Place, report: Report) -> None:
    bounds = definition.get("occurrences", [1, 1]) if isinstance(definition, dict) else [1, 1]
    if not isinstance(bounds, list) or len(bounds) != 2:
        return  # reported where the type is checked
    low, high = bounds
    if isinstance(low, int) and count < low:
        report.add(place, f"the requirement {name} is missing", f"write requirements: [{name}: …]")
    if isinstance(high, int) and count > high:
        report.add(place / "requirements", f"the requirement {name} is there {count} times, at most {high} allowed")


class _Reader:
    """Reads the requirements of one node template."""

    def __init__(
        self,
        types: Types,
        source: str,
        nodes: Mapping[str, str | None],
        templates: Mapping[str, PropertySet],
        report: Report,
    ) -> None:
        self._types = types
        self._source = source
        self._nodes = nodes
        self._templates = templates
        self._report = report

    def link(self, name: str, definition: Any, assignment: Any, place: Place) -> list[Link]:
        """The link of one requirement, in a list that is empty when it is no use."""
        body = assignment if isinstance(assignment, dict) else {"node": assignment}
        if not isinstance(definition, dict) or not check_keys(body, _ASSIGNMENT, place, self._report):
            return []
        target = body.get("node")
        where = place / "node" if isinstance(assignment, dict) else place
        if not isinstance(target, str):
            self._report.add(where, f"{name} must name a node template", "write - next: name")
            return []
        if target not in self._nodes:
            self._report.add(where, f"there is no node template {target}", nearest(target, self._nodes))
            return []
        kind = self._nodes[target]
        if kind is None:
            return []
        self._check_target(definition, target, kind, body.get("capability"), where)
        properties = self._relationship(definition, body.get("relationship"), place / "relationship")
        return [Link(self._source, name, target, place, properties)]

    def _check_target(self, definition: dict[str, Any], target: str, kind: str, named: Any, place: Place) -> None:
        """The target must offer the capability and be of the node type that the requirement asks for."""
        wanted = definition.get("capability")
        offered = {
            name: body.get("type") if isinstance(body, dict) else body
            for name, (body, _place) in self._types.members("node_types", kind, "capabilities").items()
        }
        fitting = [name for name, capability in offered.items() if self._is_capability(capability, wanted)]
        node_type = definition.get("node")
        if not fitting:
            self._report.add(place, f"{target} ({kind}) has no capability {wanted}")
        elif isinstance(node_type, str) and not self._types.is_a("node_types", kind, node_type):
            self._report.add(place, f"{target} ({kind}) is not a {node_type}")
        elif named is not None and named not in fitting and not self._is_capability(named, wanted):
            self._report.add(place, f"{target} has no capability {show(named)} of the right type")

    def _is_capability(self, kind: Any, wanted: Any) -> bool:
        return isinstance(kind, str) and isinstance(wanted, str) and self._types.is_a("capability_types", kind, wanted)

    def _relationship(self, definition: dict[str, Any], named: Any, place: Place) -> PropertySet | None:
        """The relationship of a link: a template or a type by name, or written out on the spot."""
        default = definition.get("relationship")
        if named is None:
            return _property_set(self._types, {}, place, default, self._report) if default else None
        if isinstance(named, dict):
            found: PropertySet | None = _property_set(self._types, named, place, default, self._report)
        elif isinstance(named, str) and named in self._templates:
            found = self._templates[named]
        elif self._types.known("relationship_types", named):
            found = _property_set(self._types, {"type": named}, place, default, self._report)
        else:
            known = [*self._templates, *self._types.names("relationship_types")]
            message = f"there is no relationship template or type {named if isinstance(named, str) else show(named)}"
            self._report.add(place, message, nearest(named, known) if isinstance(named, str) else "")
            return None
        self._check_type(found, definition, place)
        return found

    def _check_type(self, found: PropertySet | None, definition: dict[str, Any], place: Place) -> None:
        wanted, capability = definition.get("relationship"), definition.get("capability")
        if found is None:
            return
        if isinstance(wanted, str) and not self._types.is_a("relationship_types", found.type, wanted):
            self._report.add(place, f"{found.type} is not a {wanted}, which this requirement needs")
            return
        targets = self._types.value("relationship_types", found.type, "valid_target_types") or []
        if isinstance(targets, list) and targets and not any(self._is_capability(capability, t) for t in targets):
            self._report.add(place, f"{found.type} cannot lead to {capability}")


def _property_set(types: Types, body: Any, place: Place, default: Any, report: Report) -> PropertySet | None:
    if not check_keys(body, _RELATIONSHIP, place, report):
        return None
    name = body.get("type", default)
    if name is None:
        report.add(place, "type is missing")
        return None
    values = body.get("properties") or {}
    if not isinstance(values, dict):
        report.add(place / "properties", f"properties must be a map, not {show(values)}")
        return None
    if not check_reference(types, "relationship_types", name, place / "type", report):
        return None
    return PropertySet(name, types.fields("relationship_types", name), values, place / "properties")
