"""Check type definitions, so that a mistake in a vendor's descriptor is found where it stands."""

from __future__ import annotations

from typing import Any

from common.findings import nearest
from orchestrator.tosca.documents.report import Place, Report, show
from orchestrator.tosca.functions import function_in
from orchestrator.tosca.schema.constraints import ANY, BadConstraint, parse_constraint
from orchestrator.tosca.schema.types import ROOTS, Definition, Schema, Types
from orchestrator.tosca.schema.values import check_value
from orchestrator.tosca.shape import check_keys, sections

_COMMON = {"derived_from", "version", "metadata", "description", "properties"}
_KEYS = {
    "data_types": {*_COMMON, "constraints"},
    "artifact_types": {*_COMMON, "mime_type", "file_ext"},
    "capability_types": {*_COMMON, "valid_source_types"},
    "relationship_types": {*_COMMON, "valid_target_types"},
    "node_types": {*_COMMON, "capabilities", "requirements", "artifacts"},
}
_FIELD = {
    "type", "description", "required", "default", "status", "constraints", "entry_schema", "key_schema", "metadata",
}  # fmt: skip
_ENTRY = {"type", "description", "constraints", "entry_schema", "key_schema"}
_NUMBER = "use integer or float, and say the unit in the name"
_UNSUPPORTED = {
    **dict.fromkeys(("scalar-unit.size", "scalar-unit.time", "scalar-unit.frequency", "scalar-unit.bitrate"), _NUMBER),
    "range": "use two integers",
    **dict.fromkeys(("timestamp", "version", "json", "xml", "tosca:version", "tosca:range", "tosca:list", "tosca:map"),
                    "use string, list or map"),
}  # fmt: skip
"""Types of TOSCA 1.3 (sections 3.3 and 5.3) whose values nothing here reads, with what serves instead."""
_REFERENCES = {"capability": "capability_types", "node": "node_types", "relationship": "relationship_types"}


def check_definitions(types: Types, report: Report) -> None:
    """Check all type definitions."""
    for definitions in types.definitions.values():
        for definition in definitions.values():
            _check_definition(types, definition, report)


def check_field_definition(types: Types, body: Any, place: Place, report: Report) -> None:
    """Check the definition of a property or an input, default included."""
    before = len(report)
    if not check_keys(body, _FIELD, place, report):
        return
    _check_schema(types, body, place, report)
    if not isinstance(body.get("required", True), bool):
        report.add(place / "required", f"required must be true or false, not {show(body['required'])}")
    if function := function_in(body.get("default")):
        report.add(place / "default", f"a default cannot be a function, and this is {function}", "write the value")
    if len(report) == before and body.get("default") is not None:
        check_value(types, types.schema(body), body["default"], place / "default", report)


def check_reference(types: Types, section: str, name: Any, place: Place, report: Report) -> bool:
    """Report a type that does not exist."""
    if types.known(section, name):
        return True
    kind = section.removesuffix("_types").replace("_", " ")
    if section == "data_types" and isinstance(name, str) and name in _UNSUPPORTED:
        report.add(place, f"the type {name} is not supported here", _UNSUPPORTED[name])
    elif isinstance(name, str):
        report.add(place, f"there is no {kind} type {name}", nearest(name, types.names(section)))
    else:
        report.add(place, f"the name of a {kind} type is needed here, not {show(name)}")
    return False


def _check_definition(types: Types, definition: Definition, report: Report) -> None:
    section, place = definition.section, definition.place
    raw: Any = place.document.data[section][definition.name] if place.document else None
    if not check_keys(raw, _KEYS[section], place, report):
        return
    _check_parent(types, definition, report)
    for _name, body, where in sections(place, raw, "properties", report):
        check_field_definition(types, body, where, report)
    if section == "data_types":
        _check_constraints(types.schema({"type": definition.name}), raw, place, report)
    if section == "node_types":
        _check_node_type(types, definition, report)
    if section == "relationship_types":
        _check_targets(types, definition, report)


def _check_parent(types: Types, definition: Definition, report: Report) -> None:
    parent, place = definition.body.get("derived_from"), definition.place / "derived_from"
    if definition.name == ROOTS[definition.section]:
        report.add(definition.place, f"{definition.name} is TOSCA's own and cannot be defined anew")
    elif parent is None:
        report.add(definition.place, "derived_from is missing", f"write derived_from: {ROOTS[definition.section]}")
    elif check_reference(types, definition.section, parent, place, report):
        lineage = types.lineage(definition.section, definition.name)
        last = types.definitions[definition.section].get(lineage[-1])
        if last is not None and last.body.get("derived_from") in lineage:
            report.add(place, f"{definition.name} derives from itself")


def _check_schema(types: Types, body: dict[str, Any], place: Place, report: Report) -> None:
    if "type" not in body:
        report.add(place, "type is missing")
    else:
        check_reference(types, "data_types", body["type"], place / "type", report)
    _check_constraints(types.schema({**body, "constraints": []}), body, place, report)
    for key in ("entry_schema", "key_schema"):
        if key not in body:
            continue
        owners = ["list", "map"] if key == "entry_schema" else ["map"]
        if body.get("type") not in owners:
            report.add(place / key, f"{key} belongs to a {' or '.join(owners)}")
        elif check_keys(body[key], _ENTRY, place / key, report):
            _check_schema(types, body[key], place / key, report)


def _check_constraints(schema: Schema, body: dict[str, Any], place: Place, report: Report) -> None:
    clauses = body.get("constraints", [])
    if not isinstance(clauses, list):
        report.add(place / "constraints", "constraints must be a list", "write - in_range: [1, 65535]")
        return
    for index, clause in enumerate(clauses):
        where = place / "constraints" / index
        if function := function_in(clause):
            report.add(where, f"a constraint cannot have a function, and this has {function}", "write the value")
            continue
        try:
            parse_constraint(clause, schema.primitive if schema.lineage else ANY)
        except BadConstraint as error:
            report.add(where, str(error), error.hint)


def _check_node_type(types: Types, definition: Definition, report: Report) -> None:
    place, body = definition.place, dict(definition.body)
    for _name, capability, where in sections(place, body, "capabilities", report):
        named = capability.get("type") if isinstance(capability, dict) else capability
        check_reference(types, "capability_types", named, where, report)
    for _name, artifact, where in sections(place, body, "artifacts", report):
        check_artifact(types, artifact, where, report)
    requirements = body.get("requirements", [])
    if not isinstance(requirements, list):
        report.add(place / "requirements", "requirements must be a list")
        return
    for index, requirement in enumerate(requirements):
        where = place / "requirements" / index
        if not isinstance(requirement, dict) or len(requirement) != 1:
            report.add(where, "a requirement must be a map with one entry, its name")
            continue
        [(name, content)] = requirement.items()
        _check_requirement(types, content, where / name, report)


def _check_requirement(types: Types, body: Any, place: Place, report: Report) -> None:
    if not check_keys(body, {*_REFERENCES, "occurrences", "description"}, place, report):
        return
    for key in ("capability", "node"):
        if key not in body:
            report.add(place, f"{key} is missing", "a requirement names the capability and the node type that it needs")
    for key, section in _REFERENCES.items():
        if key in body:
            check_reference(types, section, body[key], place / key, report)
    if not _is_range(body.get("occurrences", [1, 1])):
        report.add(place / "occurrences", "occurrences must be a list of two numbers", "write occurrences: [1, 1]")


def _is_range(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != 2 or type(value[0]) is not int or value[0] < 0:
        return False
    return value[1] == "UNBOUNDED" or (type(value[1]) is int and value[1] >= value[0])


def check_artifact(types: Types, body: Any, place: Place, report: Report) -> bool:
    """Check an artifact of a node type or a node template."""
    if not check_keys(body, {"type", "file", "description", "metadata"}, place, report):
        return False
    if not isinstance(body.get("file"), str) or not body["file"]:
        report.add(place, "file is missing", "for a container image it is the image's name")
        return False
    return check_reference(types, "artifact_types", body.get("type"), place / "type", report)


def _check_targets(types: Types, definition: Definition, report: Report) -> None:
    targets = definition.body.get("valid_target_types", [])
    place = definition.place / "valid_target_types"
    if not isinstance(targets, list):
        report.add(place, "valid_target_types must be a list")
        return
    for index, target in enumerate(targets):
        check_reference(types, "capability_types", target, place / index, report)
