"""What is judged without asking anybody: clocks, schemas, rules that are there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from lso.ucpe.checks.database import USED, lacking
from lso.ucpe.checks.engine import clock
from lso.ucpe.checks.switch import besides
from lso.ucpe.others import disturbed
from orchestrator.southbound.rules import InstalledRule, Rule

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("told", "verdict", "measured"),
    [
        ("2026-11-30T12:00:00.123456789Z", "passed", "0.0 s off"),
        ("2026-11-30T12:00:00.5Z", "passed", "0.0 s off"),
        ("2026-11-30T13:00:01+01:00", "passed", "0.0 s off"),
        ("2026-11-30T12:00:11.9Z", "passed", "9.9 s ahead"),
        ("2026-11-30T12:00:12.1Z", "failed", "10.1 s ahead"),
        ("2026-11-30T11:59:51Z", "passed", "9.0 s behind"),
        ("2025-11-30T12:00:00.123456789Z", "failed", "behind"),
        ("None", "failed", "'None' is no time"),
    ],
)
def test_a_clock_is_held_against_the_moment_between_question_and_answer(told: str, verdict: str, measured: str) -> None:
    found = clock(told, NOON, NOON + 2)
    assert (found.verdict, measured in found.measured) == (verdict, True), found.measured


def schema() -> dict[str, Any]:
    return {"tables": {table: {"columns": {key: {} for key in columns}} for table, columns in USED.items()}}


def test_a_schema_with_all_that_is_used_lacks_nothing() -> None:
    assert lacking(schema()) == ""


def test_what_a_schema_lacks_is_named() -> None:
    old = schema()
    del old["tables"]["Interface"]["columns"]["mtu_request"], old["tables"]["Port"]
    assert lacking(old) == "without Port.name, Port.interfaces, Interface.mtu_request"


def installed(*outputs: int) -> InstalledRule:
    return InstalledRule(Rule(0, (), outputs), 0, 0, 0)


@pytest.mark.parametrize(("output", "told"), [(0xFFFF_FFFA, "NORMAL"), (0xFFFF_FFFB, "FLOOD"), (0xFFFF_FFFC, "ALL")])
def test_a_rule_beside_the_chain_is_found(output: int, told: str) -> None:
    found = besides([installed(1), installed(2, output)])
    assert (found.verdict, found.measured) == ("failed", f"table=0,priority=0,any → output:2,output:{told}")
    assert besides([installed(1), installed()]).verdict == "passed"


def test_what_a_check_disturbed_is_told() -> None:
    before = {"container": {"a": "running since 1"}, "port": {"lan0": "number 1"}, "rule": {"x": "cookie 0x1"}}
    after = {"container": {"a": "running since 2"}, "port": {"lan0": "number 1", "new": "number 9"}, "rule": {}}
    assert set(disturbed(before, after)) == {
        "container a was running since 1, is running since 2",
        "rule x was cookie 0x1, is gone",
    }
    assert list(disturbed(before, {"port": {"lan0": "number 1"}})) == []
