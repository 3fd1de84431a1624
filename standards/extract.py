"""Make the extracts: `python -m standards.extract DIR`, where DIR has the published files in the folders of SOURCES.

An extract has the structure of an OpenAPI or JSON Schema file: paths, operations, parameters, bodies, statuses,
members, types, enumerations, bounds and references, in order of their names. Whatever is not in the grammar below is
left out; so no description, title, summary, example or comment can come along.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from . import FOLDER
from .sources import SOURCES, Source

_FACT = "fact"
_NAMED = "named "
"""Before a kind: an object of it, whose members have names of the author's."""
_LISTED = "listed "
"""Before a kind: a list of it. Some authors write one without a list; that stays as it is."""


def _facts(words: str) -> dict[str, str]:
    return dict.fromkeys(words.split(), _FACT)


_SCHEMA = {
    **_facts("$id $ref $schema type format enum const pattern required nullable readOnly writeOnly deprecated default"),
    **_facts("minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength"),
    **_facts("minItems maxItems uniqueItems minProperties maxProperties x-path"),
    **dict.fromkeys(("properties", "patternProperties", "definitions"), _NAMED + "schema"),
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), _LISTED + "schema"),
    **dict.fromkeys(("items", "additionalProperties", "not"), "schema"),
    "discriminator": "discriminator",
    "x-augmentation": "augmentation",
}
GRAMMAR: Mapping[str, Mapping[str, str]] = {
    "schema": _SCHEMA,
    "document": {
        **_SCHEMA,
        **_facts("openapi swagger host basePath consumes produces"),
        "info": "info",
        "servers": _LISTED + "server",
        "paths": _NAMED + "path",
        "components": "components",
    },
    "info": _facts("version"),
    "server": {"url": _FACT, "variables": _NAMED + "variable"},
    "variable": _facts("default enum"),
    "components": {
        "schemas": _NAMED + "schema",
        "parameters": _NAMED + "parameter",
        "responses": _NAMED + "response",
        "headers": _NAMED + "header",
        "requestBodies": _NAMED + "body",
    },
    "path": {
        **dict.fromkeys(("get", "put", "post", "delete", "options", "head", "patch", "trace"), "operation"),
        "parameters": _LISTED + "parameter",
    },
    "operation": {
        **_facts("operationId tags deprecated consumes produces"),
        "parameters": _LISTED + "parameter",
        "requestBody": "body",
        "responses": _NAMED + "response",
    },
    "parameter": {
        **_facts("name in style explode allowEmptyValue collectionFormat"),
        **_SCHEMA,
        "schema": "schema",
        "content": _NAMED + "media",
    },
    "body": {**_facts("$ref required"), "content": _NAMED + "media"},
    "media": {"schema": "schema"},
    "response": {"$ref": _FACT, "headers": _NAMED + "header", "content": _NAMED + "media", "schema": "schema"},
    "header": {**_SCHEMA, "schema": "schema"},
    "discriminator": _facts("propertyName mapping"),
    "augmentation": _facts("prefix namespace"),
}


def structure(value: Any, kind: str) -> Any:
    """What *value* has of the grammar of *kind*, its members in order of their names."""
    if kind == _FACT:
        return value
    if kind.startswith(_NAMED):
        each = kind.removeprefix(_NAMED)
        return {name: structure(value[name], each) for name in sorted(value, key=str) if _has_structure(value[name])}
    if kind.startswith(_LISTED):
        each = kind.removeprefix(_LISTED)
        return [structure(part, each) for part in value] if isinstance(value, list) else structure(value, each)
    if isinstance(value, bool):
        return value  # a schema may be true or false
    grammar = GRAMMAR[kind]
    found = {name: structure(value[name], grammar[name]) for name in sorted(value, key=str) if name in grammar}
    if isinstance(default := found.get("default"), str) and " " in default:
        del found["default"]
    if kind == "response" and "$ref" not in found:
        found["description"] = ""  # OpenAPI wants one
    return found


def _has_structure(value: Any) -> bool:
    """Whether it is more than a text: one file has a description among the members, a level too deep."""
    return isinstance(value, dict | bool)


def extract(source: Source, name: str, original: bytes) -> str:
    """The text of an extract: where the original comes from, and its structure."""
    document = yaml.safe_load(original)
    found = structure(document, "document")
    version = document.get("$id", "not stated")
    if "info" in found:
        version = found["info"]["version"]
        found["info"]["title"] = Path(name).stem  # OpenAPI wants one
    head = (
        "Structure of a published file, made by python -m standards.extract. Do not edit.",
        f"source: https://github.com/{source.repository}, commit {source.commit}, {Path(source.path, name)}",
        f"version: {version}",
        f"licence: {source.licence}",
        f"SHA-256 of the original: {hashlib.sha256(original).hexdigest()}",
    )
    return "".join(f"# {line}\n" for line in head) + yaml.safe_dump(found, sort_keys=False, width=120)


def extracts(originals: Path) -> Iterator[tuple[str, str]]:
    """Path below the folder and text of each extract, made of the published files in *originals*."""
    for source in SOURCES:
        for name in source.files:
            yield f"{source.folder}/{name}", extract(source, name, (originals / source.folder / name).read_bytes())


def main() -> int:
    """Write all extracts."""
    if len(sys.argv) != 2:
        print("usage: python -m standards.extract DIR, where DIR has the published files", file=sys.stderr)
        return 2
    try:
        found = dict(extracts(Path(sys.argv[1])))
    except OSError as error:
        print(f"the published file {error.filename} cannot be read: {error.strerror}", file=sys.stderr)
        return 2
    except yaml.YAMLError as error:
        print(f"the published files cannot be read: {error}", file=sys.stderr)
        return 2
    for name, text in found.items():
        (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
