"""The commands of the README, the documentation and the help that need a lab do what is shown, in one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ..documented import run
from ..documented_sessions import IN_A_LAB
from ..ports import free_port


@pytest.mark.parametrize("name", IN_A_LAB)
def test_commands_do_what_is_shown(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    wrong = run(name, IN_A_LAB[name], folder, {"8181": str(free_port()), "lso-try": f"lso-try-{os.getpid()}"})
    assert not wrong, "\n\n".join(wrong)
