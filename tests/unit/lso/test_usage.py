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
