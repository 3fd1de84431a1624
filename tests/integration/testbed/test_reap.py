from __future__ import annotations

import os
import pickle
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from testbed.host.engine import engine
from testbed.images.base_image import NAME
from testbed.lab import Lab
from testbed.labels import LABEL
from testbed.ownership import lease, reap
from testbed.polling import poll
from testbed.spec.model import LabSpec

START = """
import pickle, sys
from testbed.lab import Lab
lab = Lab.create(pickle.loads(bytes.fromhex(sys.argv[1])))
print(lab.id, flush=True)
lab.start()
for node in (*lab.hosts.values(), *lab.underlays.values()):
    node.namespace.popen(["sleep", "1000"])
print("up", flush=True)
sys.stdin.read()
"""


KEEP = """
import pickle, sys
from testbed.lab import Lab
with Lab.create(pickle.loads(bytes.fromhex(sys.argv[1]))) as lab:
    lab.keep()
    print(lab.id)
"""


def start(spec: LabSpec) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", START, pickle.dumps(spec).hex()],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    return process, process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def orphaned(lab: str) -> list[str]:
    return [str(thing) for thing in reap.orphans() if thing.lab == lab]


@pytest.mark.parametrize("moment", [0.0, 0.2, 0.4, 0.7, "random"])
def test_whatever_moment_a_lab_is_killed_at_all_of_it_is_reaped(
    moment: float | str, make_spec: Callable[[int], LabSpec], leftovers: Callable[[str], list[str]]
) -> None:
    process, lab = start(make_spec(1))
    time.sleep(random.uniform(0, 1.5) if isinstance(moment, str) else moment)  # noqa: S311  the moment is the test
    kill(process)
    assert orphaned(lab)
    assert [thing for thing in reap.reap(dry_run=True) if thing.lab == lab]
    assert orphaned(lab)  # that was a look only
    reap.reap()
    assert leftovers(lab) == []
    assert not (lease.LABS / lab).exists()


def test_a_lab_that_is_up_is_no_orphan_until_its_owner_dies(
    make_spec: Callable[[int], LabSpec], leftovers: Callable[[str], list[str]]
) -> None:
    process, lab = start(make_spec(1))
    assert process.stdout
    assert process.stdout.readline() == "up\n"
    assert orphaned(lab) == []
    reap.reap()
    assert Lab.attach(lab).ucpes["site-a"].exec(["hostname"]).stdout == "site-a\n"
    kill(process)
    kinds = {line.split()[0] for line in orphaned(lab)}
    assert kinds == {"container", "network", "volume", "process", "namespace", "folder"}
    reap.reap()
    assert leftovers(lab) == []


def test_two_reapers_do_not_hinder_each_other(
    make_spec: Callable[[int], LabSpec], leftovers: Callable[[str], list[str]]
) -> None:
    process, lab = start(make_spec(1))
    assert process.stdout
    process.stdout.readline()
    kill(process)
    command = [sys.executable, "-c", "from testbed.ownership.reap import reap; reap()"]
    reapers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for reaper in reapers:
        _, complaints = reaper.communicate()
        assert reaper.returncode == 0, complaints
    assert leftovers(lab) == []


def test_a_process_that_lost_its_mark_is_found_by_where_it_lives(
    make_spec: Callable[[int], LabSpec], leftovers: Callable[[str], list[str]]
) -> None:
    process, lab = start(make_spec(1))
    assert process.stdout
    process.stdout.readline()
    path = str(lease.LABS / lab / "ns" / "host-a")
    stray = subprocess.Popen(["nsenter", f"--net={path}", "--", "sleep", "1000"], env={"PATH": "/usr/bin:/bin"})
    kill(process)
    reap.reap()
    assert stray.wait(timeout=5) == -signal.SIGTERM
    assert leftovers(lab) == []


def test_a_kept_lab_whose_removal_was_killed_is_reaped(
    make_spec: Callable[[int], LabSpec], leftovers: Callable[[str], list[str]]
) -> None:
    command = [sys.executable, "-c", KEEP, pickle.dumps(make_spec(1)).hex()]
    lab = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=120).stdout.strip()
    assert orphaned(lab) == []
    down = subprocess.Popen([sys.executable, "-m", "lso", "down", lab])
    wait_for_removal(down, lease.LABS / lab)
    down.send_signal(signal.SIGKILL)
    assert down.wait() == -signal.SIGKILL
    assert lab not in [running.id for running in Lab.list()]
    assert orphaned(lab)
    subprocess.run([sys.executable, "-m", "lso", "reap"], check=True, timeout=120)
    assert leftovers(lab) == []
    assert not (lease.LABS / lab).exists()


def test_a_clock_that_was_set_back_does_not_hold_up_reaping(
    make_spec: Callable[[int], LabSpec], leftovers: Callable[[str], list[str]]
) -> None:
    process, lab = start(make_spec(1))
    kill(process)
    tomorrow = time.time() + 86_400
    for file in (lease.LABS / lab, lease.LABS / lab / "lease"):
        os.utime(file, (tomorrow, tomorrow))
    unfinished = lease.LABS / f"{lease.UNFINISHED}{lab}"
    unfinished.mkdir()
    os.utime(unfinished, (tomorrow, tomorrow))
    command = [sys.executable, "-c", "from testbed.ownership.reap import reap; reap()"]
    subprocess.run(command, check=True, timeout=120)  # it slept until the time that the files had
    assert leftovers(lab) == []
    assert not unfinished.exists()


BRIDGE = """
import sys
from testbed.containernet import Containernet
net = Containernet(controller=None)
net.addSwitch("s97", datapath="user", failMode="standalone")
for name in ("h1", "h2"):
    net.addLink(net.addHost(name), "s97")
net.start()
print(net.plan.owner.lab, net.pingAll(), flush=True)
sys.stdin.read()
net.stop()
"""


def wait_for_removal(reaper: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until *reaper* is removing the lab in *folder*, or has ended."""
    poll(lambda: reaper.poll() is not None or lease.state(folder) is lease.State.BEING_REMOVED, 60, 0.001)


def test_a_script_starts_while_another_process_reaps_what_it_left(leftovers: Callable[[str], list[str]]) -> None:
    def script() -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-c", BRIDGE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert process.stdout
        return process, process.stdout.readline()

    process, first = script()
    for _ in range(4):
        kill(process)
        reaper = subprocess.Popen([sys.executable, "-c", "from testbed.ownership.reap import reap; reap()"])
        wait_for_removal(reaper, lease.LABS / first.split()[0])
        process, second = script()
        assert second, process.communicate()[1]
        assert second.split()[1] == "0.0"
        assert reaper.wait(timeout=60) == 0
        assert leftovers(first.split()[0]) == []
        first = second
    process.communicate(input="", timeout=60)
    assert leftovers(first.split()[0]) == []


OWNER = """
import sys
from testbed.ownership.owner import Owner
owner = Owner.create("stubborn")
owner.make_namespace("h1")
print(owner.lab, flush=True)
sys.stdin.read()
"""


def test_what_cannot_be_removed_is_named_and_in_nobodys_way(leftovers: Callable[[str], list[str]]) -> None:
    owners = [
        subprocess.Popen([sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    labs = sorted(owner.stdout.readline().strip() for owner in owners if owner.stdout)
    for owner in owners:
        kill(owner)
    stubborn = lease.LABS / labs[0] / "ns"
    (stubborn / "a").mkdir()
    (stubborn / "a" / "b").touch()  # what a name with a slash once made
    subprocess.run(["mount", "--bind", stubborn, stubborn], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", stubborn], check=True)
    try:
        done = subprocess.run([sys.executable, "-m", "lso", "reap"], check=False, capture_output=True, text=True)
        assert done.returncode == 3
        assert f"lso: not all could be removed: lab {labs[0]}: " in done.stderr
        assert f"{stubborn / 'h1'}: Read-only file system" in done.stderr
        assert "Errno" not in done.stderr
        assert leftovers(labs[1]) == leftovers(labs[2]) == []
        assert lease.state(lease.LABS / labs[0]) is lease.State.DEAD
    finally:
        subprocess.run(["umount", stubborn], check=True)
    reap.reap()
    assert leftovers(labs[0]) == []


def test_what_the_engine_makes_after_the_owner_died_is_removed_too(leftovers: Callable[[str], list[str]]) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert owner.stdout
    lab = owner.stdout.readline().strip()
    kill(owner)

    def finish_request() -> None:
        """Create a container once the reaper is past all others, as the engine does for a client that was killed."""
        assert poll(lambda: not (lease.LABS / lab / "ns" / "h1").exists(), 30)
        engine().api.create_container(NAME, labels={LABEL: lab})

    with ThreadPoolExecutor(max_workers=1) as pool:
        late = pool.submit(finish_request)
        reap.reap()
        late.result()
    assert leftovers(lab) == []
