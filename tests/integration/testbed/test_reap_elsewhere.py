"""Reaping where the leases cannot be seen: in other mount and PID namespaces that share the engine."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
from docker.errors import NotFound

from testbed.host.engine import engine
from testbed.ownership import reap
from testbed.ownership.creator import Creator

OWNER = """
import os, sys
from testbed.host.engine import engine
from testbed.ownership.owner import Owner
owner = Owner.create("elsewhere")
engine().containers.run("lso/base", ["sleep", "1000"], detach=True, labels=owner.labels("n"), network_mode="none")
engine().networks.create(f"lso-{owner.lab}", internal=True, labels=owner.labels())
if sys.argv[1] == "kept":
    owner.keep()
print(owner.lab, flush=True)
if sys.argv[1] == "forked" and os.fork():
    os._exit(0)  # the owner goes on in its child
sys.stdin.read()
"""
REAP = "mount -t tmpfs none /run/lso-testbed && exec {python} -m lso reap"
MOUNTS = ["unshare", "--mount"]
PROCESSES = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
Leftovers = Callable[[str], list[str]]


@dataclass
class Owned:
    """A lab whose owner runs, or is dead, or has kept it."""

    process: subprocess.Popen[str]
    lab: str
    held: IO[bytes] | None = None

    def hold(self) -> None:
        """Keep those who see the lease, such as scripts that start meanwhile, from reaping; others do not see this."""
        link = Path(f"/run/lso-test-{self.lab}")
        link.hardlink_to(reap.lease.LABS / self.lab / "lease")
        self.held = link.open("rb")
        link.unlink()
        fcntl.flock(self.held, fcntl.LOCK_EX)

    def kill(self) -> None:
        """Kill the owner, also below an ``unshare`` that waits for it."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def own(leftovers: Leftovers) -> Iterator[Callable[..., Owned]]:
    made: list[Owned] = []

    def start(how: str = "", within: list[str] | None = None) -> Owned:
        process = subprocess.Popen(
            [*(within or ()), sys.executable, "-c", OWNER, how],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        assert process.stdout
        made.append(Owned(process, process.stdout.readline().strip()))
        return made[-1]

    yield start
    for owned in made:
        with contextlib.suppress(ProcessLookupError):
            owned.kill()
        if owned.held:
            owned.held.close()
        for folder in reap.lease.folders():
            if folder.name == owned.lab and reap.lease.state(folder) is reap.lease.State.KEPT:
                reap.remove(reap.Owner.adopt(folder))
    reap.reap()
    assert [thing for owned in made for thing in leftovers(owned.lab)] == []


def reap_in(where: list[str]) -> str:
    command = [*where, "sh", "-c", REAP.format(python=sys.executable)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr


def kinds_of(lab: str) -> list[str]:
    filters = {"label": f"lso.lab={lab}"}
    api = engine().api
    return [*("container" for _ in api.containers(all=True, filters=filters)),
            *("network" for _ in api.networks(filters=filters))]  # fmt: skip


@pytest.mark.parametrize(
    ("owner_in", "fate", "reaper_in", "goes", "said"),
    [
        ([], "lives", MOUNTS, False, False),
        ([], "lives", PROCESSES, False, True),
        ([], "forked", MOUNTS, False, False),
        ([], "kept", MOUNTS, False, False),
        ([], "kept", PROCESSES, False, False),
        ([], "killed", MOUNTS, True, False),
        ([], "killed", PROCESSES, False, True),
        (PROCESSES, "lives", MOUNTS, False, False),
        (PROCESSES, "killed", MOUNTS, True, False),
        (PROCESSES, "lives", PROCESSES, False, True),
    ],
)
def test_only_what_is_proven_dead_goes(
    own: Callable[..., Owned], owner_in: list[str], fate: str, reaper_in: list[str], goes: bool, said: bool
) -> None:
    owned = own(fate, owner_in)
    if fate == "forked":
        owned.process.wait(timeout=10)
    elif fate != "lives":
        owned.kill()
    if fate == "killed":
        owned.hold()
    printed = reap_in(reaper_in)
    assert kinds_of(owned.lab) == ([] if goes else ["container", "network"])
    assert (f"left alone lab {owned.lab}: it was made in another PID namespace" in printed) is said
    assert (f"removed network lso-{owned.lab}" in printed) is goes


def test_what_does_not_say_who_made_it_is_left_alone(leftovers: Leftovers) -> None:
    volume = engine().volumes.create("lso-test-unsigned", labels={"lso.lab": "unsigned-000000"})
    try:
        assert "left alone lab unsigned-000000: its lease is not here" in reap_in(MOUNTS)
        assert reap.undecided()["unsigned-000000"].startswith("its lease is not here")
    finally:
        volume.remove()
    assert leftovers("unsigned-000000") == []


@pytest.mark.skipif(not Creator.here().machine, reason="this machine has no id")
@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("machine", ["this", "another"])
def test_nothing_outlives_a_start_of_its_machine(kept: bool, machine: str) -> None:
    here = Creator.here()
    earlier = dataclasses.replace(here, boot="00000000-0000-0000-0000-000000000000")
    if machine == "another":
        earlier = dataclasses.replace(earlier, machine="0" * 32)
    labels = {"lso.lab": "earlier-000000", "lso.creator": str(earlier), **({"lso.kept": "yes"} if kept else {})}
    volume = engine().volumes.create("lso-test-earlier", labels=labels)
    try:
        dead = ["lso-test-earlier"] if machine == "this" else []
        assert [thing.name for thing in reap.orphans() if thing.lab == "earlier-000000"] == dead
        assert ("earlier-000000" in reap.undecided()) is not bool(dead)
    finally:
        with contextlib.suppress(NotFound):  # someone else who reaps was first
            volume.remove()
