"""`setup.sh` waits while another program installs packages, and says for whom. The locks and their holders are real."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[4]
HOLD = """
import fcntl, os, sys
locks = [os.open(name, os.O_RDWR | os.O_CREAT, 0o640) for name in sys.argv[2:]]
for lock in locks:
    fcntl.lockf(lock, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(*files: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process holds locks as apt and dpkg do, until its standard input ends."""
    command = [sys.executable, "-c", HOLD, "unattended-upgrade", *map(str, files)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout and holder.stdin
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.stdin.close()
            holder.wait(10)


def waiting(seconds: int, *files: Path) -> subprocess.Popen[str]:
    script = f". testbed/host/apt.sh; wait_for_locks {seconds} {shlex.join(map(str, files))}"
    command = ["bash", "-euo", "pipefail", "-c", script]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_nobody_holds_the_locks(tmp_path: Path) -> None:
    """Neither where there is no file, nor where one lies around that nobody locked."""
    (tmp_path / "lock").touch()
    with waiting(0, tmp_path / "lock", tmp_path / "none") as run:
        assert (run.communicate(timeout=30), run.returncode) == (("", ""), 0)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_it_says_for_whom_it_waits_and_goes_on_when_he_has_ended(tmp_path: Path) -> None:
    """Once for each, not for each lock of his."""
    files = [tmp_path / name for name in ("lock-frontend", "lock", "lists")]
    with held(*files) as holder, waiting(60, *files) as run:
        assert run.stdout and holder.stdin
        line = run.stdout.readline()
        assert f"waiting for process {holder.pid} (" in line
        assert line.endswith(f"), which holds {files[0]}\n")
        assert Path(sys.executable).name in line
        assert run.poll() is None
        holder.stdin.close()
        assert (run.communicate(timeout=30), run.returncode) == (("", ""), 0)


def test_a_lock_that_is_not_the_first_counts_too(tmp_path: Path) -> None:
    """`apt-get update` holds the lock of the lists alone."""
    (tmp_path / "free").touch()
    with held(tmp_path / "lists") as holder, waiting(0, tmp_path / "free", tmp_path / "lists") as run:
        _, told = run.communicate(timeout=30)
        assert run.returncode == 1
        assert f"process {holder.pid} " in told and f"which holds {tmp_path / 'lists'}; try again" in told


def test_it_does_not_wait_for_ever(tmp_path: Path) -> None:
    with held(tmp_path / "lock") as holder:
        with waiting(1, tmp_path / "lock") as run:
            shown, told = run.communicate(timeout=30)
        assert run.returncode == 1
        assert shown.count("\n") == 1
        assert told.startswith(f"setup: gave up waiting for process {holder.pid} (") and told.count("\n") == 1


def test_setup_waits_for_all_the_locks_of_apt_and_dpkg_before_it_installs() -> None:
    """And ends with 3, the test-bed's own trouble, when that takes too long."""
    text = (ROOT / "setup.sh").read_text(encoding="utf-8")
    names = ("/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/lib/apt/lists/lock")
    assert f"APT_LOCKS=({' '.join((*names, '/var/cache/apt/archives/lock'))})" in text
    waits = text.index('wait_for_locks "$APT_WAIT" "${APT_LOCKS[@]}" || exit 3')
    assert waits < text.index('"${apt[@]}" update')
