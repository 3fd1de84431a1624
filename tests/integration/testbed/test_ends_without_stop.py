"""Scripts that end without ``net.stop()``: their networks go with them."""

from __future__ import annotations

import atexit
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from testbed.containernet import Containernet
from testbed.ownership import lease
from testbed.ownership.lease import State
from testbed.polling import poll

Leftovers = Callable[[str], list[str]]
NETWORK = """
import os, sys
from testbed.containernet import Containernet, NamespaceBridge

def network():
    net = Containernet(controller=None)
    s1 = net.addSwitch("s1", cls=NamespaceBridge)
    for name in ("d1", "d2"):
        net.addLink(net.addDocker(name, dimage="lso/base"), s1)
    return net

def tell(net):
    print(net.plan.owner.lab, flush=True)
"""
ENDS = {
    "plain end": "def main():\n    net = network(); net.start(); tell(net)\nmain()",
    "exception": "net = network(); net.start(); tell(net); raise SystemError('of the script')",
    "exit code": "net = network(); net.start(); tell(net); sys.exit(3)",
    "before the start": "net = network(); net['d1'].cmd('true'); tell(net)",
    "Ctrl-C in a command": "net = network(); net.start(); tell(net); net['d1'].cmd('sleep 600')",
    "Ctrl-C at the start": "net = network(); tell(net); sys.stdin.read()",
    "a stop at exit": "import atexit; net = network(); atexit.register(net.stop); net.start(); tell(net)",
}
CODES = {"exception": 1, "exit code": 3}


def script(ending: str) -> tuple[subprocess.Popen[str], str]:
    """Start a script with a network and that *ending*; return it with the id of its network."""
    process = subprocess.Popen(
        [sys.executable, "-c", NETWORK + ending],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    lab = process.stdout.readline().strip()
    assert lab, process.communicate()[1]
    return process, lab


@pytest.mark.parametrize("ending", ENDS)
def test_nothing_is_left_of_a_network_whose_script_has_ended(ending: str, leftovers: Leftovers) -> None:
    process, lab = script(ENDS[ending])
    if "Ctrl-C" in ending:
        process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == (-signal.SIGINT if "Ctrl-C" in ending else CODES.get(ending, 0)), complaint
    assert complaint.count("Traceback") == (process.returncode not in (0, 3)), complaint
    assert leftovers(lab) == []
    assert not (lease.LABS / lab).exists()


def test_a_network_goes_with_the_last_of_the_processes_that_have_it(leftovers: Leftovers) -> None:
    process, lab = script("net = network(); net.start(); tell(net)\nif not os.fork(): sys.stdin.read()")
    process.wait(timeout=60)  # the child goes on, as a daemon would
    assert lease.state(lease.LABS / lab) is State.HELD
    assert len([thing for thing in leftovers(lab) if thing.startswith("container ")]) == 2
    assert process.stdin
    process.stdin.close()
    assert poll(lambda: leftovers(lab) == [] and not (lease.LABS / lab).exists(), 30)


def test_a_forked_process_that_ends_first_takes_nothing_with_it(leftovers: Leftovers) -> None:
    process, lab = script(
        "net = network(); net.start(); tell(net)\n"
        "child = os.fork()\n"
        "if not child: sys.exit()\n"
        "os.waitpid(child, 0); print(net.pingAll(), flush=True); net.stop()"
    )
    assert process.communicate(timeout=60)[0] == "0.0\n"
    assert leftovers(lab) == []


def test_a_network_that_was_stopped_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    registered: list[Any] = []
    monkeypatch.setattr(atexit, "register", registered.append)
    monkeypatch.setattr(atexit, "unregister", registered.remove)
    network = Containernet(controller=None)
    network.addLink(network.addHost("h1"), network.addHost("h2"))
    assert registered == []
    network.start()
    assert len(registered) == 1
    network.stop()
    assert registered == []
