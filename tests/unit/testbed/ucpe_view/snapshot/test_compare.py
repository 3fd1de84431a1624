"""Differences between two snapshots in words, and both in one document."""

from __future__ import annotations

import json

import pytest

from testbed.ucpe_view.snapshot.compare import apart, differences, together
from testbed.ucpe_view.snapshot.model import Part, Snapshot, names, part

OLD = {"port a": {"tag": 5, "trunks": [1, 2]}, "port b": {}}


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (OLD, []),
        ({**OLD, "port c": {"tag": 5}}, ["port c is left over"]),
        ({"port b": {}}, ["port a is gone"]),
        ({**OLD, "port a": {"trunks": [1, 2]}}, ["port a: tag was 5, is not set"]),
        ({**OLD, "port a": {"tag": "5", "trunks": [3]}}, ["port a: tag was 5, is 5, trunks was [1, 2], is [3]"]),
        (
            {"port c": {}, "port b": {"tag": 7}},
            ["port a is gone", "port b: tag was not set, is 7", "port c is left over"],
        ),
    ],
)
def test_each_difference_is_told(after: Part, told: list[str]) -> None:
    assert list(differences(OLD, after)) == told


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        ({"ports": OLD}, {"ports": OLD}),
        ({"ports": OLD, "rules": {}}, {"ports": {"port b": {"tag": 1}, "port c": {}}, "rules": {"rule": {}}}),
        ({"ports": {}, "rules": {"rule": {}}}, {"ports": OLD, "rules": {}}),
    ],
)
def test_one_document_holds_both(before: Snapshot, after: Snapshot) -> None:
    assert apart(json.loads(json.dumps(together(before, after)))) == (before, after)


def test_what_is_equal_is_held_once() -> None:
    document = together({"ports": OLD}, {"ports": {**OLD, "port c": {}}})
    assert document == {"both": {"ports": OLD}, "before": {}, "after": {"ports": {"port c": {}}}}


def test_things_of_one_name_are_told_apart() -> None:
    assert part([("queue", {"dscp": 2}), ("queue", {"dscp": 1})]) == {"queue": {"dscp": 1}, "queue (2)": {"dscp": 2}}
    assert names(["rule", "rule"]) == {"rule": {}, "rule (2)": {}}
