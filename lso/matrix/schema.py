"""The published JSON Schema of matrix files (draft 2020-12): ``python -m lso.matrix.schema`` writes it."""

from __future__ import annotations

import json
from pathlib import Path

from lso.matrix.format import MatrixFile

PATH = Path(__file__).parents[2] / "scenarios" / "matrix.schema.json"


def schema_text() -> str:
    """Return the schema as it is checked in. An axis may be `products: all`, which the model reads as a list."""
    schema = MatrixFile.model_json_schema(by_alias=True)
    products = schema["$defs"]["AxisEntry"]["properties"]["products"]
    names = {key: products.pop(key) for key in ("items", "type")}
    products["anyOf"] = [{"const": "all"}, names]
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:lso-testbed:matrix:1",
        **schema,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(schema_text(), encoding="utf-8")
