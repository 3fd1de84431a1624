"""YAML is read with places, by the core schema, within limits."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.tosca.documents.document import MAX_BYTES, MAX_DEPTH, MAX_VALUES, read_document
from orchestrator.tosca.documents.report import Report


def read(text: str | bytes) -> tuple[Any, list[str]]:
    report = Report()
    document = read_document("t.yaml", text.encode() if isinstance(text, str) else text, report)
    return document and document.data, [str(finding) for finding in report.findings]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("off", "off"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("22:30", "22:30"),
        ("02:42:0a:01:00:02", "02:42:0a:01:00:02"),
        ("2024-01-31", "2024-01-31"),
        ("1_000", "1_000"),
        ("12", 12),
        ("-7", -7),
        ("0o17", 15),
        ("0x1f", 31),
        ("012", 12),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("10.1.0.1", "10.1.0.1"),
        ("'12'", "12"),
        ('"true"', "true"),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: object) -> None:
    data, findings = read(f"key: {text}\n")
    assert not findings
    assert data == {"key": value}
    assert type(data["key"]) is type(value)


def test_merge_keys_are_ordinary_keys() -> None:
    data, findings = read("a: &a {x: 1}\nb:\n  <<: *a\n")
    assert not findings
    assert data["b"] == {"<<": {"x": 1}}


def test_places_are_of_keys_and_items() -> None:
    report = Report()
    document = read_document("t.yaml", b"a:\n  - x\n  - b: 1\n    c: 2\n", report)
    assert document is not None
    assert document.mark(("a",)) == (1, 1)
    assert document.mark(("a", 0)) == (2, 5)
    assert document.mark(("a", 1, "c")) == (4, 5)
    assert document.mark(("a", 1, "c", "deeper", 3)) == (4, 5)


DEEP = "".join("  " * depth + "k:\n" for depth in range(MAX_DEPTH + 2))
LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a: \xff\n", "this is not UTF-8 text"),
        ("a: \x07\n", "a character is not allowed in YAML: control characters"),
        ("a: [1\n", "this is not YAML"),
        ("a: 1\n---\nb: 2\n", "a second document begins here"),
        ("a: *b\n", "there is no anchor b before this alias"),
        ("a: &a [*a]\n", "there is no anchor a before this alias"),
        ("? [1, 2]\n: x\n", "a key must be plain text"),
        ("a: !!timestamp 2024-01-01\n", "the tag tag:yaml.org,2002:timestamp is not allowed"),
        ("a: !include /etc/passwd\n", "the tag !include is not allowed"),
        (DEEP, f"nested deeper than {MAX_DEPTH} levels"),
        ("[" * 500, f"nested deeper than {MAX_DEPTH} levels"),
        ("[" * 5000, "nest"),  # libyaml 0.2.6 refuses these before we do
        (LAUGHS, f"more than {MAX_VALUES} values"),
        ("- x\n" * (MAX_VALUES + 1), f"more than {MAX_VALUES} values"),
        (" " * (MAX_BYTES + 1), f"the file is larger than {MAX_BYTES} bytes"),
        ("", "the file is empty"),
    ],
)
def test_what_is_refused(text: str | bytes, message: str) -> None:
    _data, findings = read(text)
    assert len(findings) == 1
    assert message in findings[0]


def test_repeated_keys_are_all_reported_and_the_last_value_stands() -> None:
    data, findings = read("a: 1\na: 2\nb: {c: 1, c: 1}\n")
    assert data == {"a": 2, "b": {"c": 1}}
    assert findings == [
        "t.yaml:2:1: a: the key a is here a second time (the first one is on line 1)",
        "t.yaml:3:11: b.c: the key c is here a second time (the first one is on line 3)",
    ]
