"""Check a value against what it must be, to the depth of nested data types, and fill in defaults."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

from common.findings import nearest
from orchestrator.tosca.documents.report import Place, Report, show
from orchestrator.tosca.schema.constraints import violated
from orchestrator.tosca.schema.formats import SECRET, format_error
from orchestrator.tosca.schema.types import Field, Schema, Types


class Unknown:
    """The type of UNKNOWN."""


UNKNOWN: Final = Unknown()
"""Stands for a value that is not there yet (an input, while no inputs are given) or that is wrong and reported."""

_WORDS = {"string": "text", "integer": "a whole number", "float": "a number", "boolean": "true or false",
          "list": "a list", "map": "a map"}  # fmt: skip
_PYTHON: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "float": (int, float), "boolean": (),
                                        "list": (list,), "map": (dict,)}  # fmt: skip
_SCALARS = frozenset({"string", "integer", "float", "boolean"})


def check_fields(
    types: Types, fields: Mapping[str, Field], values: Mapping[str, Any], place: Place, report: Report
) -> dict[str, Any]:
    """Check a map with named fields: unknown names, missing ones, each value. Returns it with the defaults.

    Optional fields without a value are left out.
    """
    for name in values:
        if name not in fields:
            report.add(place / name, f"there is no {name} here", nearest(name, fields))
    checked: dict[str, Any] = {}
    for name, field in fields.items():
        value = values.get(name)
        if value is None or not _is_plain_and_right(field.schema, value):
            value = check_field(types, field, value, place / name, report)
        if value is not None:
            checked[name] = value
    return checked


def check_field(types: Types, field: Field, value: Any, place: Place, report: Report) -> Any:
    """Check one property or input; without a value (None) its default counts."""
    if value is None:
        if field.default is not None:
            return check_value(types, field.schema, field.default, field.place / "default", report)
        if field.required:
            report.add(place, "a value is required", f"it is {describe(field.schema)}")
            return UNKNOWN
        return None
    return check_value(types, field.schema, value, place, report)


def check_value(types: Types, schema: Schema, value: Any, place: Place, report: Report) -> Any:
    """Check a value; returns it with the defaults of nested data types, or UNKNOWN if it is wrong."""
    if value is UNKNOWN or not schema.lineage:
        return UNKNOWN
    if _is_plain_and_right(schema, value):
        return value
    if not _fits(schema.primitive, value):
        report.add(place, f"{_quoted(schema, value)} is not {describe(schema)}", _quote_hint(schema, value))
        return UNKNOWN
    before = len(report)
    value = _nested(types, schema, value, place, report)
    if len(report) == before and UNKNOWN not in _direct(value):
        _check_rules(schema, value, place, report)
    return value if len(report) == before else UNKNOWN


def _is_plain_and_right(schema: Schema, value: Any) -> bool:
    """Whether a value is a scalar with nothing to say about it: most are, and a mesh has millions of them."""
    return (
        schema.primitive in _SCALARS
        and _fits(schema.primitive, value)
        and not violated(schema.constraints, value)
        and not (isinstance(value, str) and any(format_error(name, value) for name in schema.lineage))
    )


def describe(schema: Schema) -> str:
    """What a value must be, in words."""
    if schema.primitive in {"list", "map"} and schema.entry is not None:
        return f"{_WORDS[schema.primitive]} of {schema.entry.type}"
    if schema.primitive is None:
        return f"a map of the type {schema.type}"
    own = f" of the type {schema.type}" if schema.type != schema.primitive else ""
    return f"{_WORDS[schema.primitive]}{own}"


def secrets_in(types: Types, schema: Schema, value: Any) -> set[str]:
    """All texts inside *value* that are of a secret type."""
    if isinstance(value, str):
        return {value} if SECRET in schema.lineage else set()
    if isinstance(value, list) and schema.entry is not None:
        return set().union(*(secrets_in(types, schema.entry, item) for item in value))
    if isinstance(value, dict):
        fields = types.fields("data_types", schema.type) if schema.primitive is None else {}
        schemas = {key: fields[key].schema if key in fields else schema.entry for key in value}
        return set().union(*(secrets_in(types, inner, value[key]) for key, inner in schemas.items() if inner))
    return set()


def _fits(primitive: str | None, value: Any) -> bool:
    if isinstance(value, bool):
        return primitive == "boolean"
    return isinstance(value, _PYTHON[primitive or "map"])


def _nested(types: Types, schema: Schema, value: Any, place: Place, report: Report) -> Any:
    if schema.primitive is None:
        return check_fields(types, types.fields("data_types", schema.type), value, place, report)
    if isinstance(value, dict) and schema.key is not None:
        for key in value:
            check_value(types, schema.key, key, place / key, report)
    if isinstance(value, dict) and schema.entry is not None:
        return {key: check_value(types, schema.entry, item, place / key, report) for key, item in value.items()}
    if isinstance(value, list) and schema.entry is not None:
        return [check_value(types, schema.entry, item, place / n, report) for n, item in enumerate(value)]
    return deepcopy(value) if isinstance(value, list | dict) else value  # the caller's, or a template's for all time


def _check_rules(schema: Schema, value: Any, place: Place, report: Report) -> None:
    for text in violated(schema.constraints, value):
        report.add(place, f"{_quoted(schema, value)} must {text}", schema.description)
    if isinstance(value, str):
        for name in schema.lineage:
            error = format_error(name, value)
            if error:
                report.add(place, f"{_quoted(schema, value)} {error}")


def _quoted(schema: Schema, value: Any) -> str:
    return "the secret" if SECRET in schema.lineage else show(value)


def _quote_hint(schema: Schema, value: Any) -> str:
    scalar = isinstance(value, int | float) and SECRET not in schema.lineage
    return "put it in quotes" if schema.primitive == "string" and scalar else ""


def _direct(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else [value]
