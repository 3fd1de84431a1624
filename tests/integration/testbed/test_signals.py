from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed import lease
from testbed.process import poll

SCENARIO = Path(__file__).parents[3] / "scenarios" / "poc-two-sites"
Leftovers = Callable[[str], list[str]]


def lab_of(process: subprocess.Popen[str]) -> str:
    """Return the id of the lab that *process* makes, once it is at the containers."""

    def found() -> str | None:
        for folder in lease.folders():
            if lease.holder(folder).get("pid") == process.pid and (folder / "journal").exists():
                return folder.name
        return None

    lab = poll(found, 30)
    assert lab
    return lab


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_a_signal_ends_the_command_and_its_lab(number: signal.Signals, leftovers: Leftovers) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lso", "up", str(SCENARIO)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    lab = lab_of(process)
    process.send_signal(number)
    _, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint) == (130, "lso: interrupted\n")
    assert leftovers(lab) == []


def test_a_command_that_shall_outlive_its_terminal_does(leftovers: Leftovers) -> None:
    process = subprocess.Popen(
        ["nohup", sys.executable, "-m", "lso", "up", str(SCENARIO)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    lab = lab_of(process)
    process.send_signal(signal.SIGHUP)
    _, complaint = process.communicate(timeout=120)
    assert process.returncode == 0, complaint
    subprocess.run([sys.executable, "-m", "lso", "down", lab], check=True, timeout=60)
    assert leftovers(lab) == []
