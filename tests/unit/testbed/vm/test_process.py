"""Long programs of the machine's making: where their output goes, what their end says, and that nothing outlives us."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.vm import process
from testbed.vm.errors import VmError
from testbed.vm.process import complaint

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="a process-id namespace needs root")


@needs_root
def test_output_goes_to_the_log_and_line_by_line_to_the_caller(tmp_path: Path) -> None:
    lines: list[str] = []
    process.run(["sh", "-c", "echo one; echo two >&2"], tmp_path / "log", lines.append)
    process.run(["echo", "three"], tmp_path / "log")
    assert lines == ["one", "two"]
    assert (tmp_path / "log").read_text() == "one\ntwo\nthree\n"


@needs_root
def test_a_failure_says_what_went_wrong_and_where_the_rest_is(tmp_path: Path) -> None:
    script = "echo 'a.c:1: error: no such thing'; echo 'make: *** [a.o] Error 1'; exit 2"
    with pytest.raises(VmError, match=r"sh ended with code 2: a\.c:1: error: no such thing; its output is in .*/log"):
        process.run(["sh", "-c", script], tmp_path / "log")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], "it said nothing"),
        (["\n", "one\n", "two\n", "\n"], "two"),
        (["Get:1\n", "E: Unable to locate package\n", "gone\n"], "E: Unable to locate package"),
        (["errors: none\n", "a.c:1:1: error: x\n", "make: Error 2\n"], "a.c:1:1: error: x"),
    ],
)
def test_the_complaint_is_the_first_error(lines: list[str], told: str) -> None:
    assert complaint(lines) == told


@needs_root
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_whatever_ends_the_caller_ends_all_of_it(tmp_path: Path, end: signal.Signals) -> None:
    pipe = tmp_path / "alive"
    os.mkfifo(pipe)
    alive = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    child = f"setsid sh -c 'exec >{pipe}; echo alive; sleep 600' & sleep 600"
    call = f"from testbed.vm import process; process.run(['sh', '-c', {child!r}], Path({str(tmp_path / 'log')!r}))"
    caller = subprocess.Popen([sys.executable, "-c", f"from pathlib import Path; {call}"])
    assert select.select([alive], [], [], 20)[0]
    assert os.read(alive, 10) == b"alive\n"
    caller.send_signal(end)
    caller.wait()
    assert select.select([alive], [], [], 20)[0], "the last process that can write there has ended"
    assert os.read(alive, 10) == b""
    os.close(alive)
