from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.ownership import lease
from testbed.polling import poll

SCENARIO = Path(__file__).parents[3] / "scenarios" / "poc-two-sites"
Leftovers = Callable[[str], list[str]]


def lab_of(process: subprocess.Popen[str]) -> str:
    """Return the id of the lab that *process* makes, once it has its folder."""

    def found() -> str | None:
        for folder in lease.folders():
            if folder.name[0] != "." and lease.holder(folder).get("pid") == process.pid:
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


@pytest.mark.parametrize("first", [signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name)
def test_more_signals_do_not_interrupt_the_ending(first: signal.Signals, leftovers: Leftovers) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lso", "up", str(SCENARIO)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    lab = lab_of(process)
    process.send_signal(first)

    def ended_under_fire() -> bool:  # as when a terminal is closed, and its shell ends its jobs
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT):
            process.send_signal(number)
        return process.poll() is not None

    assert poll(ended_under_fire, 60, interval=0.05)
    assert process.communicate()[1] == "lso: interrupted\n"
    assert process.returncode == 130
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
