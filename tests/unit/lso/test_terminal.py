"""What stands on a terminal when a command is ended by Ctrl-C."""

from __future__ import annotations

import os
import pty
import sys
from pathlib import Path

from orchestrator.southbound.memory_inventory import memory_inventory
from testbed.polling import poll


def test_the_end_of_a_server_stands_on_a_line_of_its_own(tmp_path: Path) -> None:
    """The terminal itself writes ^C where the cursor is."""
    (tmp_path / "inventory.json").write_text(memory_inventory(1).model_dump_json())
    command = [sys.executable, "-m", "lso", "serve", "--inventory", str(tmp_path / "inventory.json"), "--port", "0"]
    child, terminal = pty.fork()
    if child == 0:
        os.execv(command[0], command)  # noqa: S606  (no shell is wanted: it would get the Ctrl-C too)
    shown = bytearray()
    os.set_blocking(terminal, False)

    def has(text: bytes) -> bool:
        try:
            shown.extend(os.read(terminal, 65536))
        except BlockingIOError:
            pass
        except OSError:  # the child has closed it
            return True
        return text in shown

    assert poll(lambda: has(b"serving http"), 60), shown.decode()
    os.write(terminal, b"\x03")
    assert poll(lambda: has(b"never shown"), 30), shown.decode()
    assert os.waitpid(child, 0)[1] == 0
    os.close(terminal)
    assert shown.decode().splitlines()[-1] == "lso: stopped"
    assert "^C" in shown.decode()
