"""Reading YAML: plain values, YAML 1.2 words, every fault with its place."""

from __future__ import annotations

import pytest

from common.findings import Fault
from scenarios.file.errors import ScenarioError
from scenarios.file.findings import Findings
from scenarios.file.source import parse

FAULTS = {
    "syntax": (b"a: [1, 2", "2:1", "this is not YAML"),
    "empty": (b"", "1:1", "the file is empty"),
    "duplicate key": (b"a: 1\nb: 2\na: 3\n", "3:1", "the key a is here a second time"),
    "object tag": (b"a: !!python/object:os.system x\n", "1:4", "is not allowed"),
    "alias of nothing": (b"a: &x {b: 1}\nc: *y\n", "2:4", "there is no anchor y before this alias"),
    "not UTF-8": (b"\xff\xfe\xfa", "1:1", "this is not UTF-8 text"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_names_its_place(name: str) -> None:
    content, place, message = FAULTS[name]
    try:
        (finding,) = Findings(parse(content, "f.yaml")).all
    except ScenarioError as error:
        (finding,) = error.findings
    assert f"{finding.line}:{finding.column}" == place
    assert message in finding.message


def test_words_stay_words() -> None:
    source = parse(b"{a: Yes, b: no, c: on, d: true, e: false, f: 1, g: 1.5, h: ~}", "f.yaml")
    assert source.data == {"a": "Yes", "b": "no", "c": "on", "d": True, "e": False, "f": 1, "g": 1.5, "h": None}


def test_marks_are_those_of_keys_and_items() -> None:
    source = parse(b"steps:\n  - id: A\n    with: {from: a1}\n", "f.yaml")
    assert source.marks["steps", 0, "with", "from"] == (3, 12)
    assert source.finding(Fault(("steps", 0, "with", "absent"), "m")).line == 3
