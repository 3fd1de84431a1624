"""The published JSON Schema of scenario files: the format's models and every verb's parameters in one document."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

from scenarios.file.format import Scenario
from scenarios.verbs import REGISTRY

PUBLISHED = Path(__file__).with_name("scenario.schema.json")


def build() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12); a step's ``with`` is bound to the parameters of its verb."""
    schema = Scenario.model_json_schema(by_alias=True)
    definitions = schema["$defs"]
    cases = []
    for name, verb in sorted(REGISTRY.items()):
        parameters = verb.model_json_schema(by_alias=True, ref_template=f"#/$defs/{name}/$defs/{{model}}")
        parameters["description"] = inspect.getdoc(verb) or ""
        definitions[name] = parameters
        required = ["with"] if parameters.get("required") else []
        cases.append(
            {
                "if": {"properties": {"verb": {"const": name}}},
                "then": {"properties": {"with": {"$ref": f"#/$defs/{name}"}}, "required": required},
            }
        )
    step = definitions["Step"]
    step["properties"]["verb"] = {"enum": sorted(REGISTRY), "description": "what the step proves"}
    step["allOf"] = cases
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def text() -> str:
    """Return the schema as the published file holds it."""
    return json.dumps(build(), indent=2, ensure_ascii=False) + "\n"
