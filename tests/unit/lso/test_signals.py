"""Signals that arrive together interrupt a command once, so that its removal of a lab is not interrupted too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOGETHER = """
import os, signal
import lso.__main__ as command
both = {signal.SIGINT, signal.SIGHUP}
for number in both:
    signal.signal(number, command._interrupt)
signal.pthread_sigmask(signal.SIG_BLOCK, both)
for number in both:
    os.kill(os.getpid(), number)
try:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, both)
except KeyboardInterrupt:
    print("interrupted", flush=True)
print("all removed", flush=True)
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted again", flush=True)
"""

WITHIN_EXEC = """
import signal, sys
import lso.__main__ as command
import lso.commands.doctor
lso.commands.doctor.run = lambda options: exec("signal.raise_signal(signal.SIGINT)")
sys.exit(command.main(["doctor"]))
"""


def test_an_interrupt_in_code_that_a_library_makes_has_the_exit_code_of_any(tmp_path: Path) -> None:
    (tmp_path / "within_exec.py").write_text(WITHIN_EXEC, encoding="utf-8")
    command = [sys.executable, "-m", "within_exec"]
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (130, "lso: interrupted\n")


def test_signals_that_arrive_together_interrupt_once() -> None:
    done = subprocess.run([sys.executable, "-c", TOGETHER], check=False, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["interrupted", "all removed", "interrupted again"], done.stderr
