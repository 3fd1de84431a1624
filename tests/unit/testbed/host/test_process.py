from __future__ import annotations

import dataclasses
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.errors import Ended
from testbed.host.namespace import Namespace
from testbed.host.process import NETWORK, NOT_ENTERED, Process


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def gone(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()


def test_a_process_that_runs_is_itself(child: subprocess.Popen[bytes]) -> None:
    process = Process.of(child.pid, "container d1")
    process.check()
    assert process.read("comm") == "sleep\n"
    with process.namespace("net") as network:
        assert os.fstat(network).st_ino == Path(f"/proc/{child.pid}/ns/net").stat().st_ino
    assert Process.from_description(process.described()) == process


@pytest.mark.parametrize("number", ["its own", "given again"])
def test_what_has_ended_is_said_and_never_entered(child: subprocess.Popen[bytes], number: str) -> None:
    process = Process.of(child.pid, "container d1")
    if number == "given again":  # what a stranger with the same number looks like: only the start differs
        process = dataclasses.replace(process, started=process.started - 1)
    else:
        gone(child)
    uses = (
        process.check,
        lambda: process.read("comm"),
        lambda: process.command(["true"]),
        lambda: process.command(["true"], NETWORK),
        lambda: Namespace.of(process).run(["true"]),
        lambda: Namespace.of(process).socket(2, 2),
        Namespace.of(process).check,
        lambda: Process.of(1, "VNF", outer=process),
    )
    assert not process.alive()
    for use in uses:
        with pytest.raises(Ended, match=r"^container d1 has ended$"):
            use()


def test_a_command_finds_out_itself_that_its_process_ended_after_it_was_made(
    child: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    process = Process.of(child.pid, "container d1")
    marker = tmp_path / "marker"
    commands = [process.command(["touch", str(marker)], kinds) for kinds in (NETWORK, ("net", "uts"))]
    gone(child)
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (NOT_ENTERED, "container d1 has ended\n")
    assert not marker.exists()


def test_a_process_of_another_container_is_not_entered(child: subprocess.Popen[bytes]) -> None:
    with pytest.raises(Ended, match="container d1 has ended"):
        Process.of(child.pid, "container d1", container="0123456789abcdef" * 4)


def test_a_zombie_has_ended(child: subprocess.Popen[bytes]) -> None:
    process = Process.of(child.pid, "container d1")
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(Ended):
        process.check()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/proc/self/ns/net", "the network that this process lives in, not a lab's"),
        ("{folder}/nothing", "is gone"),
        ("{folder}/plain", "is gone"),
    ],
)
def test_a_path_without_a_namespace_of_its_own_is_not_entered(path: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "plain").touch()  # what is left when a namespace was unmounted
    namespace = Namespace(path.format(folder=tmp_path))
    for use in (namespace.check, lambda: namespace.run(["true"]), lambda: namespace.socket(2, 2)):
        with pytest.raises(Ended, match=message):
            use()
