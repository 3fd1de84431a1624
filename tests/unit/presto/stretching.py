"""Requests of any size, made from the forms that the faces describe."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

Place = tuple[str | int, ...]


def sample(schema: Any, forms: Any) -> Any:
    """A document of a JSON schema, with every member and one element in each list."""
    while "$ref" in schema:
        schema = forms[schema["$ref"].rpartition("/")[2]]
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return sample(next(one for one in schema[choice] if one.get("type") != "null"), forms)
    if "const" in schema or "enum" in schema:
        return schema.get("const") or schema["enum"][0]
    kind = schema.get("type", "object")
    if kind == "object":
        return {name: sample(member, forms) for name, member in schema.get("properties", {}).items()}
    if kind == "array":
        return [sample(schema.get("items", {}), forms)]
    return {"integer": schema.get("minimum", 1), "number": 1, "boolean": False}.get(kind, "x")


def lists(value: Any, place: Place = ()) -> Iterator[Place]:
    """Where there are lists in a document."""
    if isinstance(value, list):
        yield place
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield from lists(member, (*place, name))


def only_to(value: Any, place: Place) -> Any:
    """The document without the objects and lists that are not on the way to a place."""
    if not place:
        return value
    kept = only_to(value[place[0]], place[1:])
    if isinstance(value, list):
        return [kept]
    plain = {name: member for name, member in value.items() if not isinstance(member, dict | list)}
    return {**plain, place[0]: kept}


def stretched(document: Any, place: Place, times: int, *, distinct: bool) -> Any:
    """The document with the element of that list repeated, with texts of its own each time or always the same."""
    document = copy.deepcopy(document)
    found = document
    for part in place:
        found = found[part]
    element = found[0]
    found[:] = [_marked(element, number) if distinct else element for number in range(times)]
    return document


def _marked(value: Any, number: int) -> Any:
    if isinstance(value, str):
        return f"{value}{number}"
    if isinstance(value, list):
        return [_marked(element, number) for element in value]
    if isinstance(value, dict):
        return {name: _marked(member, number) for name, member in value.items()}
    return value
