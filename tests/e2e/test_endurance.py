"""Runs in a row, and runs that are killed at any moment, leave the machine as it was.

``LSO_RUNS=20 LSO_KILLS=10 pytest tests/e2e/test_endurance.py`` is the long form. It compares the whole machine, so
nothing else may start or end labs or containers meanwhile; other workers of the same pytest wait.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from breaking import POC

from testbed.polling import poll

from ..documented import Ran, agrees, commands

RUNS, KILLS = int(os.environ.get("LSO_RUNS", "1")), int(os.environ.get("LSO_KILLS", "2"))
LSO = (sys.executable, "-m", "lso")
LONGEST_RUN = 18.0
LEAVE = 20.0
SECONDS = re.compile(r"[0-9.]+ m?s\b")
Machine = dict[str, list[str]]
pytestmark = pytest.mark.alone

LISTS = {
    "interfaces": ["ip", "-brief", "link"],
    "containers": ["docker", "ps", "--all", "--format", "{{.ID}}"],
    "networks": ["docker", "network", "ls", "--format", "{{.ID}}"],
    "volumes": ["docker", "volume", "ls", "--quiet"],
    "bridges": ["ovs-vsctl", "list-br"],
    "mounts": ["findmnt", "--noheadings", "--list", "--output", "TARGET"],
}


def machine() -> Machine:
    """What the machine has of everything that a lab is made of."""
    listed = {name: _lines(command) for name, command in LISTS.items()}
    listed["interfaces"] = [line.split()[0] for line in listed["interfaces"]]
    # Namespaces rather than processes: those of a lab that lives beside come and go.
    listed["namespaces"] = sorted({_namespace(process) for process in Path("/proc").glob("[0-9]*")})
    listed["shims"] = sorted(_shims())
    return listed


def _lines(command: Sequence[str], *, check: bool = True) -> list[str]:
    done = subprocess.run(command, check=check, capture_output=True, text=True)
    return sorted(done.stdout.splitlines())


def _shims() -> Iterator[str]:
    """Yield the containers that this machine's own engine has processes for; a uCPE's own come with its namespace."""
    own = _namespace(Path("/proc/self"))
    for line in _lines(["pgrep", "--full", "--list-full", "containerd-shim.* -id "], check=False):
        number, command = line.split(maxsplit=1)
        if _namespace(Path("/proc", number)) == own:
            yield command.partition(" -id ")[2].split()[0]


def _namespace(process: Path) -> str:
    try:
        return str((process / "ns/net").readlink())
    except OSError:
        return ""  # it has just ended


def assert_as_before(before: Machine) -> None:
    """Docker takes a moment to forget what it has removed: wait for that, no longer."""
    if not poll(lambda: machine() == before, LEAVE, 0.5):
        now = machine()
        left = {name: sorted(set(now[name]) ^ set(before[name])) for name in before if now[name] != before[name]}
        pytest.fail(f"not as before: {left}")


def lso(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*LSO, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def before() -> Machine:
    """The machine without orphans."""
    assert lso("reap").returncode == 0
    return machine()


def lacks_of_the_tour(output: str) -> list[str]:
    """What the README shows of this run, but for the place of its report, and what *output* has not."""
    (tour,) = [
        command for command in commands("README.md") if command.text == ".venv/bin/lso run scenarios/poc-two-sites"
    ]
    shown = tuple(SECONDS.sub("1 s", line) for line in tour.shown if not line.startswith("report: "))
    return agrees(Ran(replace(tour, shown=shown), 0, SECONDS.sub("1 s", output)))


def test_runs_in_a_row(before: Machine, tmp_path: Path) -> None:
    for number in range(RUNS):
        done = lso("run", str(POC), "--report", str(tmp_path / str(number)))
        assert done.returncode == 0, f"run {number}:\n{done.stdout}{done.stderr}"
        established = re.search(r"order to tunnel established: (.*?) s", done.stdout)
        whole = re.search(r"whole run: (.*?) s", done.stdout)
        assert established
        assert whole
        assert lacks_of_the_tour(done.stdout) == []
        print(f"run {number}: tunnel after {established[1]} s, whole run {whole[1]} s", flush=True)
        assert_as_before(before)
        assert {path.name for path in (tmp_path / str(number)).iterdir()} >= {"result.json", "junit.xml", "report.html"}


def test_killed_runs(before: Machine, tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)  # noqa: S311
    print(f"seed {seed}")
    moments = random.Random(seed)  # noqa: S311
    for number in range(KILLS):
        moment = moments.uniform(0, LONGEST_RUN)
        command = [*LSO, "run", str(POC), "--report", str(tmp_path / str(number))]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            time.sleep(moment)  # the moment is the test
            running.send_signal(signal.SIGKILL)
        reaped = lso("reap")
        assert reaped.returncode == 0, reaped.stderr
        print(f"killed after {moment:.2f} s, then reaped {len(reaped.stdout.splitlines())} things", flush=True)
        assert json.loads(lso("ls", "--orphans", "--json").stdout) == []
        assert_as_before(before)
