"""Mininet's import does not change how others log; each case in a process of its own, where nothing is imported yet."""

from __future__ import annotations

import subprocess
import sys

import pytest

WARN = "import logging; [logging.getLogger('presto.x').warning(text) for text in ('one', 'two')]"


@pytest.mark.parametrize(
    "imported",
    ["lso.commands.serve", "testbed.lab", "testbed.containernet", "mininet.log, testbed.containernet"],
)
def test_others_log_in_lines(imported: str) -> None:
    code = f"import {imported}; {WARN}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.splitlines() == ["one", "two"]


def test_mininet_logs_as_ever() -> None:
    code = "import testbed.containernet; from mininet.log import output; output('one '); output('two')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout + done.stderr).strip() == "one two"
