"""``lso exec`` ends as its command does."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lso.commands import exec as lso_exec


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 0", 0), ("exit 1", 1), ("exit 200", 200), ("kill -9 $$", 137), ("kill -15 $$", 143), ("kill -2 $$", 130)],
)
def test_the_exit_code_is_that_of_a_shell(lso: Any, monkeypatch: pytest.MonkeyPatch, script: str, code: int) -> None:
    node = SimpleNamespace(command=lambda argv: argv, environment=lambda: None)
    monkeypatch.setattr(lso_exec, "attach", lambda _: SimpleNamespace(nodes={"a1": node}))
    with Path("/dev/null").open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        assert lso("exec", "lab", "a1", "--", "sh", "-c", script).code == code
