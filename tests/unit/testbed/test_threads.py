"""Work on many things in parallel."""

from __future__ import annotations

import subprocess
import sys

import pytest

from testbed.threads import in_parallel


def test_all_work_ends_before_the_first_error_is_raised() -> None:
    done: list[int] = []

    def work(item: int) -> None:
        if item == 1:
            raise ValueError(item)
        done.append(item)

    with pytest.raises(ValueError, match="1"):
        in_parallel(work, range(5))
    assert sorted(done) == [0, 2, 3, 4]


AT_EXIT = """
import atexit
from testbed.threads import in_parallel

def work(item):
    print(item, flush=True)
    if item in (1, 3):
        raise ValueError(item)

atexit.register(in_parallel, work, range(5))
"""


def test_work_is_done_also_when_the_program_ends() -> None:
    done = subprocess.run([sys.executable, "-c", AT_EXIT], capture_output=True, text=True, check=False, timeout=30)
    assert sorted(done.stdout.split()) == ["0", "1", "2", "3", "4"]
    assert done.stderr.endswith("ValueError: 1\n")
