"""A network that a Containernet script runs, as the command line sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from testbed.containernet import Containernet, NamespaceBridge


def lso(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lso", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)


@pytest.fixture
def net(leftovers: Callable[[str], list[str]]) -> Iterator[Containernet]:
    network = Containernet(controller=None)
    switch = network.addSwitch("s1", cls=NamespaceBridge)
    network.addLink(network.addDocker("d1", dimage="lso/base"), switch)
    network.addLink(network.addHost("h1"), switch)
    network.start()
    lab = network.plan.owner.lab
    yield network
    network.stop()
    assert leftovers(lab) == []


def nodes_of(lab: str) -> list[str]:
    return [name for row in json.loads(lso("ls", "--json").stdout) if row["id"] == lab for name in row["nodes"]]


def test_it_is_listed_and_entered_and_left_to_its_script(net: Containernet) -> None:
    lab = net.plan.owner.lab
    assert nodes_of(lab) == ["h1", "d1", "s1"]
    assert lso("exec", lab, "d1", "--", "hostname").stdout == "d1\n"
    assert "h1-eth0" in lso("exec", lab, "h1", "--", "ip", "link").stdout
    assert "br0" in lso("exec", lab, "s1", "--", "ip", "link").stdout
    net.addDocker("d2", dimage="lso/base")
    net.removeHost("h1")
    assert nodes_of(lab) == ["d1", "d2", "s1"]
    wrong = lso("exec", lab, "h1", "--", "true")
    assert (wrong.returncode, wrong.stderr) == (2, f"lso: lab {lab} has no node 'h1'; it has d1, d2, s1\n")
    held = lso("down", lab)
    assert held.returncode == 2
    assert held.stderr.startswith(f"lso: lab {lab!r} is in use by process ")


TWO_LABS = """
import subprocess, sys
from testbed.nodes import description
from testbed.ownership.owner import Owner
running, kept = Owner.create("running"), Owner.create("kept")
for owner in (running, kept):
    description.write(owner.folder, [], {}, None)
kept.keep()
kept.lease.release()
done = subprocess.run([sys.executable, "-m", "lso", "down", "--all"], capture_output=True, text=True)
print(done.returncode, done.stdout == f"removed {kept.lab}\\n", done.stderr.startswith(f"left alone {running.lab}: "))
print(running.folder.exists(), kept.folder.exists())
"""


def test_down_with_all_takes_what_is_kept_and_leaves_what_runs() -> None:
    apart = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run/lso-testbed && exec "$@"', "sh"]
    command = [*apart, sys.executable, "-c", TWO_LABS]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.stdout == "0 True True\nTrue False\n", done.stderr
