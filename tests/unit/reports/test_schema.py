from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reports.schema import PROVE_SCHEMA_PATH, SCHEMA_PATH, prove_schema, result_schema, schema_text

from .report_samples import SAMPLES

PUBLISHED = [(SCHEMA_PATH, result_schema()), (PROVE_SCHEMA_PATH, prove_schema())]


@pytest.mark.parametrize(("path", "schema"), PUBLISHED, ids=["result", "prove"])
def test_the_published_schema_is_current(path: Path, schema: dict[str, Any]) -> None:
    assert path.read_text(encoding="utf-8") == schema_text(schema), "run: python -m reports.schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_follow_it(name: str) -> None:
    Draft202012Validator(result_schema()).validate(json.loads(SAMPLES[name].read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"verdict": "green"}, ["verdict"]),
        ({"duration_seconds": -2}, ["duration_seconds"]),
        ({"schema_version": "0"}, ["schema_version"]),
        ({"sceanrio": {}}, []),
    ],
)
def test_it_refuses_what_is_wrong(change: dict[str, Any], place: list[str]) -> None:
    content = {**json.loads(SAMPLES["passed"].read_text(encoding="utf-8")), **change}
    errors = list(Draft202012Validator(result_schema()).iter_errors(content))
    assert [list(error.absolute_path) for error in errors] == [place]
