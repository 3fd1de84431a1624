"""The syntactic opinion of `tosca-parser`, made safe: one caller at a time, a copy of its own, no files, no stack."""

from __future__ import annotations

import re
from copy import deepcopy
from threading import Lock
from typing import Any

from common.findings import Fault, FileFinding, Path
from common.yaml_reader import Document
from orchestrator.tosca.functions import FUNCTIONS
from orchestrator.tosca.schema.types import ROOTS, Types
from orchestrator.tosca.shape import VERSION

_ANYTHING = "anything"

_LOCK = Lock()  # tosca-parser gathers its errors in a class, for all threads together
_CRASHES = (AttributeError, TypeError, KeyError, ValueError, IndexError, RecursionError)
_QUOTED = re.compile(r'"([^"]+)"')
_CLASS = re.compile(r"^\w+: ")


def parser_findings(document: Document, types: Types) -> tuple[FileFinding, ...]:
    """What tosca-parser has to say about the template and all types, with the place as near as its words allow."""
    with _LOCK:
        messages = _parse(_self_contained(document, types))
    return tuple(_finding(document, message) for message in messages)


def _parse(template: dict[str, Any]) -> list[str]:
    # Imported here because it takes 0.1 s and an order for a template that is known already has no need of it.
    from toscaparser.common.exception import ExceptionCollector, TOSCAException, ValidationError  # noqa: PLC0415
    from toscaparser.tosca_template import ToscaTemplate  # noqa: PLC0415

    try:
        ToscaTemplate(yaml_dict_tpl=template)
    except ValidationError:
        return [_CLASS.sub("", line) for line in ExceptionCollector.getExceptionsReport(full=False)]
    except TOSCAException as error:
        return [str(error)]
    except _CRASHES as error:
        return [f"tosca-parser cannot read this ({type(error).__name__})"]
    finally:
        ExceptionCollector.stop()
        ExceptionCollector.clear()
    return []


def _self_contained(document: Document, types: Types) -> dict[str, Any]:
    """One template without imports, so that tosca-parser opens no file.

    It knows neither data types derived from `string`, nor inputs of types of our own, nor nested functions: the first
    become the primitive type, and an input of no meaning takes the place of the others. Their values are
    checked elsewhere, more strictly.
    """
    template: dict[str, Any] = {"tosca_definitions_version": VERSION}
    for section in ROOTS:
        bodies = {name: deepcopy(dict(item.body)) for name, item in types.definitions[section].items()}
        kept = {name: body for name, body in bodies.items() if section != "data_types" or not _primitive(types, name)}
        for body in kept.values():
            for field in (body.get("properties") or {}).values():
                _simplify(field, types)
        if kept:
            template[section] = kept
    topology = deepcopy(document.data["topology_template"])
    topology["inputs"] = {_ANYTHING: {"type": "string", "required": False}}
    for section in ("node_templates", "relationship_templates"):
        for body in (topology.get(section) or {}).values():
            _replace_functions(body)
    return {**template, "topology_template": topology}


def _simplify(schema: dict[str, Any], types: Types) -> None:
    schema["type"] = _primitive(types, schema["type"]) or schema["type"]
    for key in ("entry_schema", "key_schema"):
        if key in schema:
            _simplify(schema[key], types)


def _replace_functions(body: dict[str, Any]) -> None:
    """Put an input in place of each property that holds functions, and of those of inline relationships.

    A property that is null has no value, so its default counts; tosca-parser takes it for the text "None".
    """
    given = {name: value for name, value in (body.get("properties") or {}).items() if value is not None}
    if given:
        body["properties"] = {n: {"get_input": _ANYTHING} if _has_function(v) else v for n, v in given.items()}
    else:
        body.pop("properties", None)
    for requirement in body.get("requirements") or []:
        for assignment in requirement.values():
            if isinstance(assignment, dict) and isinstance(assignment.get("relationship"), dict):
                _replace_functions(assignment["relationship"])


def _has_function(value: Any) -> bool:
    if isinstance(value, dict):
        return any(name in FUNCTIONS for name in value) or any(map(_has_function, value.values()))
    return isinstance(value, list) and any(map(_has_function, value))


def _primitive(types: Types, name: str) -> str | None:
    return types.schema({"type": name}).primitive


def _finding(document: Document, message: str) -> FileFinding:
    path = _place(document, _QUOTED.findall(message))
    return document.finding(Fault(path, " ".join(message.split()), "found by tosca-parser"))


def _place(document: Document, names: list[str]) -> Path:
    """The place whose path holds most of the names that the message quotes; the shortest of equals."""

    def score(path: Path) -> tuple[int, int]:
        return sum(name in path for name in names), -len(path)

    topology = [path for path in document.marks if path[:1] == ("topology_template",)]
    best = max(topology, key=score, default=())
    return best if best and score(best)[0] else ("topology_template",)
