"""Changes of a document by mappings."""

from __future__ import annotations

from typing import Any

import pytest

from lso.matrix.change import changed

STEPS = [{"id": "a", "with": {"x": 1}}, {"id": "b"}]


@pytest.mark.parametrize(
    ("value", "change", "after"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": 1}, {"b": {"c": 2}}, {"a": 1, "b": {"c": 2}}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        (
            {"steps": STEPS},
            {"steps": {"a": {"with": {"x": 2}}}},
            {"steps": [{"id": "a", "with": {"x": 2}}, {"id": "b"}]},
        ),
        ({"steps": STEPS}, {"steps": {"a": None}}, {"steps": [{"id": "b"}]}),
        ({"sites": ["a", "b"]}, {"sites": ["c"]}, {"sites": ["c"]}),
        ({"a": [1]}, {"a": 7}, {"a": 7}),
    ],
)
def test_changes(value: Any, change: Any, after: Any) -> None:
    before = repr(value)
    assert changed(value, change) == after
    assert repr(value) == before
