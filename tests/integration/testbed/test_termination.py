from __future__ import annotations

import subprocess
import sys

import pytest

from testbed.host.termination import terminate

STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"

# In a PID namespace of its own, where the next number can be chosen.
REUSED = f"""
import subprocess, sys, threading
from testbed.host.termination import terminate
stubborn = subprocess.Popen([sys.executable, "-c", {STUBBORN!r}], stdout=subprocess.PIPE)
stubborn.stdout.readline()
polite = subprocess.Popen(["sleep", "60"])
strangers = []
def give_its_number_again():
    polite.wait()
    with open("/proc/sys/kernel/ns_last_pid", "w") as file:
        file.write(str(polite.pid - 1))
    strangers.append(subprocess.Popen(["sleep", "60"]))
helper = threading.Thread(target=give_its_number_again)
helper.start()
terminate([stubborn.pid, polite.pid])
helper.join()
print(strangers[0].pid == polite.pid, strangers[0].poll(), stubborn.wait(5))
"""


@pytest.mark.parametrize("program", [["sleep", "60"], [sys.executable, "-c", STUBBORN]], ids=["polite", "stubborn"])
def test_whoever_is_told_to_end_has_ended(program: list[str]) -> None:
    process = subprocess.Popen(program, stdout=subprocess.PIPE)
    if program[0] != "sleep":
        assert process.stdout
        process.stdout.readline()
    terminate([process.pid])
    assert process.wait(timeout=5) < 0
    terminate([process.pid])  # long gone


def test_a_stranger_with_the_number_of_one_that_ended_is_left_alone() -> None:
    command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, "-c", REUSED]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == "True None -9\n"
