"""The published JSON Schema of `result.json` (draft 2020-12), derived from the model.

`python -m reports.schema` writes it beside this file; a test keeps the two the same.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reports.model import SCHEMA_VERSION, RunResult

SCHEMA_PATH = Path(__file__).with_name("result.schema.json")


def result_schema() -> dict[str, Any]:
    """JSON Schema of a run's result as it is written (serialisation mode)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:lso-testbed:result:{SCHEMA_VERSION}",
        **RunResult.model_json_schema(mode="serialization"),
    }


def schema_text() -> str:
    """The schema as it is checked in."""
    return json.dumps(result_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_PATH.write_text(schema_text(), encoding="utf-8")
