"""What is stored as JSON says what it said before, whatever stands in it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from common.database import WRITES, new_engine
from common.json_text import Document, json_text, json_value


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
    monkeypatch.setattr("common.json_text.to_json", None)
    assert json_text(document) == text


def test_nothing_of_a_transaction_is_beside_the_file(tmp_path: Path) -> None:
    engine = new_engine(f"sqlite:///{tmp_path / 'big.db'}")
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        connection.execute(text("CREATE TABLE page (id INTEGER PRIMARY KEY, body TEXT)"))
        connection.execute(text("INSERT INTO page (body) VALUES (:body)"), [{"body": "x" * 1000}] * 2000)
        with connection.begin_nested():  # what it changes is kept aside until it is done: in memory, or in a file
            connection.execute(text("UPDATE page SET body = body || 'y'"))
            beside = subprocess.run(["ls", "-l", f"/proc/{os.getpid()}/fd"], check=True, capture_output=True, text=True)
    engine.dispose()
    assert [line for line in beside.stdout.splitlines() if "etilqs" in line] == []
