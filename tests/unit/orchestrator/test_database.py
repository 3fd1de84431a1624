"""What is stored as JSON says what it said before, whatever stands in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.database import Document, json_text, json_value


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"a": [1, 2.5, None, True, {"b": "ü 漢"}]}, id="plain"),
        pytest.param({"big": 2**80, "far": float("inf")}, id="numbers that JSON does not limit"),
        pytest.param({"text": "\ud800"}, id="half a character"),
    ],
)
def test_json_text_says_what_json_says_and_is_read_as_json_reads_it(value: Any) -> None:
    text = json_text(value)
    assert json_value(text) == json.loads(text) == value


def test_depth_does_not_matter() -> None:
    text = "[" * 500 + "]" * 500
    assert json_value(text) == json.loads(text)


def test_a_document_is_serialised_once_and_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {"name": "caf\xe9", "list": [1, None], "inner": {"empty": {}}}
    document = Document(plain)
    text = json_text(document)
    assert (text, json_text([plain])) == (json_text(plain), f"[{text}]")
    monkeypatch.setattr("orchestrator.database.to_json", None)
    assert json_text(document) == text
