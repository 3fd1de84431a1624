"""The commands of the README, the documentation and the help that need a lab do what is shown, in one."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ..documented import run
from ..documented_sessions import IN_A_LAB


@pytest.mark.parametrize("name", IN_A_LAB)
def test_commands_do_what_is_shown(tmp_path: Path, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    folder = tmp_path / "project"
    folder.mkdir()
    wrong = run(name, IN_A_LAB[name], folder, {"8181": port, "lso-try": f"lso-try-{os.getpid()}"})
    assert not wrong, "\n\n".join(wrong)
