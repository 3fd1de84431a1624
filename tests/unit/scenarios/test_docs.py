"""The pages of the verbs and the published schema are what the code says."""

from __future__ import annotations

from scenarios import docs, schema


def test_the_pages_are_current() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in docs.FOLDER.iterdir()} == docs.pages()


def test_the_schema_is_current() -> None:
    assert schema.PUBLISHED.read_text(encoding="utf-8") == schema.text()
