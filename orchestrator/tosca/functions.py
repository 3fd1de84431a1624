"""TOSCA's functions (TOSCA 1.3, section 4): inputs and properties read and put together while a site is planned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from common.findings import nearest
from orchestrator.tosca.documents.report import Place, Report, show
from orchestrator.tosca.schema.types import Field, Types
from orchestrator.tosca.schema.values import UNKNOWN, check_field

_LATER = "its value exists only once the service runs, and a site is planned before that"
_REFUSED = {
    "get_attribute": _LATER,
    "get_operation_output": _LATER,
    "get_nodes_of_type": "a chain names its nodes",
    "get_artifact": "artifacts are not read by templates",
}

FUNCTIONS = frozenset({"get_input", "get_property", "concat", "join", "token"})


def function_in(value: Any) -> str | None:
    """The name of a function that *value* is or has inside; for places where nothing is evaluated."""
    if isinstance(value, dict) and len(value) == 1 and (name := next(iter(value))) in FUNCTIONS | _REFUSED.keys():
        return str(name)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((name for item in inner if (name := function_in(item))), None)


@dataclass(frozen=True)
class Node:
    """A node template: its properties as written and as its type defines them, and whom its requirements name."""

    name: str
    type: str
    place: Place
    properties: Mapping[str, Any]
    fields: Mapping[str, Field]
    targets: Mapping[str, str]


class Evaluator:
    """Replaces functions by their values. What cannot be known becomes UNKNOWN; what is wrong is reported as well."""

    def __init__(self, types: Types, nodes: Mapping[str, Node], inputs: Mapping[str, Any], report: Report) -> None:
        self._types = types
        self._nodes = nodes
        self._inputs = inputs
        self._report = report
        self._known: dict[tuple[str, str], Any] = {}
        self._under_way: list[tuple[str, str]] = []
        self._functions: dict[str, Callable[[Any, Place, Node], Any]] = {
            "get_input": self._get_input,
            "get_property": self._get_property,
            "concat": self._concat,
            "join": self._join,
            "token": self._token,
        }

    def property(self, node: Node, name: str) -> Any:
        """The value of a node's property, before its default; each is evaluated once."""
        key = (node.name, name)
        if key not in self._known:
            self._under_way.append(key)
            self._known[key] = self.value(node.properties.get(name), node.place / "properties" / name, node)
            self._under_way.pop()
        return self._known[key]

    def value(self, value: Any, place: Place, node: Node) -> Any:
        """*value* with all functions inside replaced; SELF is *node*."""
        if isinstance(value, list):
            return [self.value(item, place / index, node) for index, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name in self._functions:
                return self._functions[name](argument, place / name, node)
            if name in _REFUSED:
                return self._wrong(place / name, f"{name} cannot be used here: {_REFUSED[name]}")
        return {key: self.value(item, place / key, node) for key, item in value.items()}

    def _get_input(self, argument: Any, place: Place, _node: Node) -> Any:
        name, *path = argument if isinstance(argument, list) and argument else [argument]
        if not isinstance(name, str) or name not in self._inputs:
            hint = nearest(name, self._inputs) if isinstance(name, str) else "write { get_input: name }"
            return self._wrong(place, f"there is no input {name if isinstance(name, str) else show(name)}", hint)
        return self._descend(self._inputs[name], path, place)

    def _get_property(self, argument: Any, place: Place, node: Node) -> Any:
        if not isinstance(argument, list) or len(argument) < 2 or not all(isinstance(a, str) for a in argument[:2]):
            hint = "write { get_property: [SELF, name] }"
            return self._wrong(place, "get_property needs a node and the name of a property", hint)
        entity, name, *path = argument
        owner = node if entity == "SELF" else self._nodes.get(entity)
        if owner is None:
            return self._wrong(place, f"there is no node template {entity}", nearest(entity, [*self._nodes, "SELF"]))
        if name in owner.targets and name not in owner.fields and path:  # one requirement, not a way (section 4.4.2)
            return self._property_of(self._nodes.get(owner.targets[name]), path, place)
        return self._property_of(owner, [name, *path], place)

    def _property_of(self, owner: Node | None, path: list[Any], place: Place) -> Any:
        """The property that *path* names, with the defaults of its data type, and what is inside of it."""
        if owner is None:  # the target of a requirement is wrong, which is reported there
            return UNKNOWN
        name, *inside = path
        if name not in owner.fields:
            hint = nearest(name, owner.fields) if isinstance(name, str) else ""
            return self._wrong(place, f"{owner.name} has no property {_plain(name)}", hint)
        if (owner.name, name) in self._under_way:
            return self._wrong(place, f"{owner.name}.{name} is defined by itself")
        # What is wrong with the value is reported where it stands, not where it is read.
        value = check_field(self._types, owner.fields[name], self.property(owner, name), place, Report())
        return self._descend(value, inside, place)

    def _concat(self, argument: Any, place: Place, node: Node) -> Any:
        if not isinstance(argument, list):
            return self._wrong(place, "concat needs a list of texts")
        return self._joined("", argument, place, node)

    def _join(self, argument: Any, place: Place, node: Node) -> Any:
        if not isinstance(argument, list) or not 1 <= len(argument) <= 2 or not isinstance(argument[0], list):
            return self._wrong(place, "join needs a list of texts and a delimiter", 'write { join: [[a, b], "-"] }')
        delimiter = argument[1] if len(argument) == 2 else ""
        if not isinstance(delimiter, str):
            return self._wrong(place / 1, f"{show(delimiter)} is not a delimiter")
        return self._joined(delimiter, argument[0], place / 0, node)

    def _joined(self, delimiter: str, parts: list[Any], place: Place, node: Node) -> Any:
        texts = [self._text(part, place / index, node) for index, part in enumerate(parts)]
        return UNKNOWN if UNKNOWN in texts else delimiter.join(texts)

    def _token(self, argument: Any, place: Place, node: Node) -> Any:
        if not isinstance(argument, list) or len(argument) != 3 or not isinstance(argument[2], int):
            hint = 'write { token: [{ get_input: address }, "/", 0] }'
            return self._wrong(place, "token needs a text, the characters that divide it and a number", hint)
        text = self._text(argument[0], place / 0, node)
        if text is UNKNOWN:
            return UNKNOWN
        if not isinstance(argument[1], str) or not argument[1]:
            return self._wrong(place / 1, f"{show(argument[1])} does not divide a text")
        parts = _split(text, argument[1])
        if not 0 <= argument[2] < len(parts):
            return self._wrong(place / 2, f"there is no part {argument[2]}, the text has {len(parts)} counted from 0")
        return parts[argument[2]]

    def _text(self, part: Any, place: Place, node: Node) -> Any:
        value = self.value(part, place, node)
        if value is None:
            return self._wrong(place, "this has no value")
        if isinstance(value, list | dict):
            return self._wrong(place, f"{show(value)} is not a text")
        return str(value).lower() if isinstance(value, bool) else value if value is UNKNOWN else str(value)

    def _descend(self, value: Any, path: list[Any], place: Place) -> Any:
        """Follow keys and indices into a nested value."""
        for step in path:
            if value is UNKNOWN or value is None:
                return value
            if not _has(value, step):
                return self._wrong(place, f"there is no part {show(step)} in {show(value)}")
            value = value[step]
        return value

    def _wrong(self, place: Place, message: str, hint: str = "") -> Any:
        self._report.add(place, message, hint)
        return UNKNOWN


def _plain(name: Any) -> str:
    return name if isinstance(name, str) else show(name)


def _split(text: str, separators: str) -> list[str]:
    for separator in separators[1:]:
        text = text.replace(separator, separators[0])
    return text.split(separators[0])


def _has(value: Any, step: Any) -> bool:
    if isinstance(value, dict):
        return isinstance(step, str) and step in value
    return isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value)
