from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.ownership import lease
from testbed.ownership.lease import Lease, LeaseError, State

HOLD = """
import sys, pathlib
from testbed.ownership.lease import Lease
taken = Lease.create("other", pathlib.Path(sys.argv[1]))
if sys.argv[2] == "keep":
    taken.keep()
print(taken.lab, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def labs(tmp_path: Path) -> Path:
    return tmp_path / "labs"


def in_another_process(labs: Path, how: str = "") -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(labs), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    return process, labs / process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_new_lease_is_held_private_and_tells_its_owner(labs: Path) -> None:
    taken = Lease.create("poc", labs)
    assert lease.state(taken.folder) is State.HELD
    assert taken.folder.stat().st_mode & 0o777 == 0o700
    assert (taken.folder / "lease").stat().st_mode & 0o777 == 0o600
    assert lease.holder(taken.folder)["pid"] == os.getpid()
    assert lease.folders(labs) == (taken.folder,)


def test_the_lease_of_a_killed_process_is_dead_at_once(labs: Path) -> None:
    process, folder = in_another_process(labs)
    assert lease.state(folder) is State.HELD
    end(process)
    assert lease.state(folder) is State.DEAD


def test_a_kept_lab_outlives_its_process_but_not_the_machine(labs: Path) -> None:
    process, folder = in_another_process(labs, "keep")
    end(process)
    assert lease.state(folder) is State.KEPT
    told = json.loads((folder / "lease").read_text())
    (folder / "lease").write_text(json.dumps({**told, "boot": "another start"}))
    assert lease.state(folder) is State.DEAD


def test_a_held_lab_cannot_be_adopted_and_the_holder_is_named(labs: Path) -> None:
    process, folder = in_another_process(labs)
    try:
        with pytest.raises(LeaseError, match=f"in use by process {process.pid}"):
            Lease.adopt(folder, timeout=0.05)
    finally:
        end(process)
    adopted = Lease.adopt(folder)
    assert lease.state(folder) is State.BEING_REMOVED
    assert lease.holder(folder)["pid"] == os.getpid()
    adopted.release()
    assert lease.state(folder) is State.DEAD


@pytest.mark.parametrize("how", ["", "keep"])
def test_a_lab_whose_removal_began_is_dead_once_nobody_removes_it(labs: Path, how: str) -> None:
    process, folder = in_another_process(labs, how)
    end(process)
    adopted = Lease.adopt(folder)
    assert lease.state(folder) is State.BEING_REMOVED
    adopted.release()
    assert lease.state(folder) is State.DEAD


def test_ending_removes_the_folder(labs: Path) -> None:
    taken = Lease.create("poc", labs)
    (taken.folder / "pki").mkdir()
    taken.end()
    assert lease.folders(labs) == ()
    with pytest.raises(LeaseError, match="there is no lab"):
        Lease.adopt(taken.folder)


def test_looking_at_a_lease_does_not_take_it(labs: Path) -> None:
    process, folder = in_another_process(labs)
    end(process)
    for _ in range(50):
        assert lease.state(folder) is State.DEAD
    Lease.adopt(folder).end()


@pytest.mark.parametrize("content", [None, "", "{not json"])
def test_a_folder_whose_owner_died_early_is_dead(labs: Path, content: str | None) -> None:
    folder = labs / "poc-000000"
    folder.mkdir(parents=True)
    if content is not None:
        (folder / "lease").write_text(content)
    assert lease.state(folder) is State.DEAD


def test_the_lock_of_a_process_and_its_fork_is_left_to_the_one_that_goes_on(labs: Path) -> None:
    taken = Lease.create("shared", labs)
    assert taken.hold_alone()
    assert lease.state(taken.folder) is not State.DEAD
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(writer)
        os.read(reader, 1)  # until the parent closes its end
        os._exit(0)
    os.close(reader)
    assert not taken.hold_alone()
    assert lease.state(taken.folder) in (State.HELD, State.BEING_REMOVED)
    os.close(writer)
    os.waitpid(child, 0)
    assert lease.state(taken.folder) is State.DEAD
