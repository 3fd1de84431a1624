"""The published JSON Schemas of `result.json` and `prove.json` (draft 2020-12), derived from the models.

`python -m reports.schema` writes them beside this file; a test keeps them the same.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reports.model import SCHEMA_VERSION, RunResult
from reports.prove.model import ProveResult

SCHEMA_PATH = Path(__file__).with_name("result.schema.json")
PROVE_SCHEMA_PATH = Path(__file__).with_name("prove.schema.json")


def result_schema() -> dict[str, Any]:
    """JSON Schema of a run's result as it is written (serialisation mode)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:lso-testbed:result:{SCHEMA_VERSION}",
        **RunResult.model_json_schema(mode="serialization"),
    }


def prove_schema() -> dict[str, Any]:
    """JSON Schema of what `lso run --prove` found, as it is written."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:lso-testbed:prove:{SCHEMA_VERSION}",
        **ProveResult.model_json_schema(mode="serialization"),
    }


def schema_text(schema: dict[str, Any]) -> str:
    """A schema as it is checked in."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_PATH.write_text(schema_text(result_schema()), encoding="utf-8")
    PROVE_SCHEMA_PATH.write_text(schema_text(prove_schema()), encoding="utf-8")
