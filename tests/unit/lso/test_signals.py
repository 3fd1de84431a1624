"""Signals that arrive together interrupt a command once, so that its removal of a lab is not interrupted too."""

from __future__ import annotations

import subprocess
import sys

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


def test_signals_that_arrive_together_interrupt_once() -> None:
    done = subprocess.run([sys.executable, "-c", TOGETHER], check=False, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["interrupted", "all removed", "interrupted again"], done.stderr
