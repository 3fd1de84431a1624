"""What the user got wrong: exit code 2, what and where in a sentence, nothing of the inside, no secrets."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize("verb", [["serve", "--lab", "nope"], ["exec", "nope", "a1"], ["down", "nope"]])
def test_a_lab_that_does_not_run(lso: Any, verb: list[str]) -> None:
    ran = lso(*verb)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("lso: no lab 'nope' runs; running labs: ")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        *((["order", "list", "--limit", text], "is not a whole number from 1 to 1000000") for text in ("0", "-1", "x")),
        (["order", "list", "--limit", "9" * 5000], "is not a whole number from 1 to 1000000"),
        (["serve", "--inventory", "x", "--keep-answers", "x"], "x is not between 0 and 8784 hours"),
        (["serve", "--inventory", "x", "--callback-allow", "x"], "x is no network, such as 192.0.2.0/24"),
        (["serve", "--inventory", "x", "--callback-allow", "1.2.3.4/8"], "1.2.3.4/8 is no network, such as 192"),
    ],
)
def test_values_that_are_none(lso: Any, arguments: list[str], told: str) -> None:
    ran = lso(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err and "invalid" not in ran.err
