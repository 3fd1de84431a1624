"""Answers as documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def objects(document: Any) -> Iterator[dict[str, Any]]:
    """All objects of a JSON document, each before those in it."""
    if isinstance(document, dict):
        yield document
    members = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    for member in members:
        yield from objects(member)
