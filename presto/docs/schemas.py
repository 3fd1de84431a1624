"""The schemas of models for an OpenAPI document, by the names that the published files give them."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

Json = dict[str, Any]
REF = "#/components/schemas/"


def published_name(model: type) -> str:
    """The name that the model's description says it has, in backquotes, else that of the class."""
    found = re.match(r"`([\w.\-*]+)`(?=[.,:;])", inspect.getdoc(model) or "")
    return found[1].removesuffix(".yaml") if found and "*" not in found[1] else model.__name__


def models_of(*modules: ModuleType) -> list[type[BaseModel]]:
    """The models that modules define, in their order."""
    everything = (thing for module in modules for thing in vars(module).values() if inspect.isclass(thing))
    names = {module.__name__ for module in modules}
    return [thing for thing in everything if issubclass(thing, BaseModel) and thing.__module__ in names]


def schemas(models: Iterable[type[BaseModel]]) -> Json:
    """The schemas of all models, and of what they refer to, by their published names.

    Raises ValueError when two models have one name.
    """
    pairs, document = models_json_schema([(model, "validation") for model in models], ref_template=f"{REF}{{model}}")
    names = {found["$ref"].removeprefix(REF): published_name(model) for (model, _), found in pairs.items()}
    if len(set(names.values())) < len(names):
        raise ValueError("two models have one published name")
    text = json.dumps(document["$defs"])
    renamed = re.sub(rf'"{REF}([^"]+)"', lambda ref: f'"{REF}{names.get(ref[1], ref[1])}"', text)
    found = {names.get(key, key): schema for key, schema in json.loads(renamed).items()}
    return {name: {**without_null(schema), "title": name} for name, schema in sorted(found.items())}


def without_null(schema: Any) -> Any:
    """What may be absent is optional, and is not null."""
    if isinstance(schema, list):
        return [without_null(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    choices = schema.get("anyOf", [])
    kept = [choice for choice in choices if choice != {"type": "null"}]
    plain = {key: without_null(value) for key, value in schema.items() if key not in {"anyOf", "default", "title"}}
    if "default" in schema and schema["default"] is not None:
        plain["default"] = schema["default"]
    if not choices:
        return plain if "properties" not in schema else {**plain, "properties": _members(schema["properties"])}
    return {**plain, **without_null(kept[0])} if len(kept) == 1 else {**plain, "anyOf": without_null(kept)}


def _members(properties: Json) -> Json:
    """Members may be called `title` or `default` themselves."""
    return {name: without_null(schema) for name, schema in properties.items()}


def reachable(document: Json, found: Json) -> Json:
    """Those schemas that the document refers to, directly or by others."""
    wanted: set[str] = set()
    texts = [json.dumps(document)]
    while texts:
        for name in set(re.findall(rf'"{REF}([^"]+)"', texts.pop())) - wanted:
            wanted.add(name)
            texts.append(json.dumps(found[name]))
    return {name: schema for name, schema in found.items() if name in wanted}


def reference(model: type[BaseModel]) -> Json:
    """A reference to a model's schema."""
    return {"$ref": f"{REF}{published_name(model)}"}
