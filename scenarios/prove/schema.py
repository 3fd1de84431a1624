"""The published JSON Schema of sabotage files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scenarios.prove.catalogue import PLACES
from scenarios.prove.sabotage import Sabotage
from scenarios.verbs import REGISTRY

PUBLISHED = Path(__file__).parent.parent / "sabotage.schema.json"


def build() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12); a verb that must notice may stand alone, without parameters."""
    schema = Sabotage.model_json_schema(by_alias=True)
    definitions = schema["$defs"]
    definitions["Action"]["properties"]["where"]["enum"] = list(PLACES)
    definitions["Noticing"]["properties"]["verb"] = {"enum": sorted(REGISTRY)}
    alone_or_with = {"anyOf": [{"enum": sorted(REGISTRY)}, {"$ref": "#/$defs/Noticing"}]}
    schema["properties"]["must_notice"]["items"] = alone_or_with
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def text() -> str:
    """Return the schema as the published file holds it."""
    return json.dumps(build(), indent=2, ensure_ascii=False) + "\n"
