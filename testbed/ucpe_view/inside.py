"""Enter a container by its process: run a command in its namespaces, ask the engine at its socket."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.namespace import Namespace
from testbed.process import ProbeError

API = "/v1.41"
SOCKET = "run/docker.sock"  # not var/run: an absolute link in there would lead to the machine's own engine
_NAMESPACES = {"mnt": "--mount", "uts": "--uts", "ipc": "--ipc", "net": "--net", "pid": "--pid"}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class ViewError(ProbeError):
    """A container could not be looked into: it has ended, or what was asked inside failed."""


@dataclass(frozen=True)
class Inside:
    """The inside of a container, by the ``/proc/<pid>`` folder of one of its processes."""

    proc: str

    @property
    def namespace(self) -> Namespace:
        """Return the container's network namespace."""
        return Namespace(f"{self.proc}/ns/net")

    def child(self, pid: int) -> Inside:
        """Return the inside of a container that runs within this one; *pid* is what this one's engine says."""
        return Inside(f"{self.proc}/root/proc/{pid}")

    def alive(self) -> bool:
        """Tell whether the process still exists."""
        return Path(self.proc, "ns/net").exists()

    def run(self, argv: Sequence[str], *, input: str = "", timeout: float = 20.0) -> str:  # noqa: A002
        """Run *argv* in all namespaces of the container; return its standard output.

        Environment variables of the container are not set, capabilities are not reduced: this is an observer's
        door, not a tenant's. Raises :class:`ViewError` with standard error when the exit code is not 0.
        """
        options = [f"{option}={self.proc}/ns/{name}" for name, option in _NAMESPACES.items()]
        try:
            done = subprocess.run(
                ["nsenter", *options, "--", *argv],
                env={"PATH": f"{_PATH}:{os.environ.get('PATH', '')}", "LC_ALL": "C"},
                input=input,
                timeout=timeout,
                capture_output=True,
                text=True,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise ViewError(f"{argv[0]} was not done after {timeout:g} s") from late
        if done.returncode:
            raise ViewError(f"{' '.join(argv)}: exit {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def engine(self, path: str, timeout: float = 10.0) -> Any:
        """Return the JSON that the container's own Docker Engine answers to ``GET`` *path*."""
        connection = _UnixConnection(f"{self.proc}/root/{SOCKET}", timeout)
        try:
            connection.request("GET", API + path, headers={"Host": "docker"})
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise ViewError(f"the uCPE's engine does not answer {path}: {error}") from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise ViewError(f"the uCPE's engine answers {path} with {response.status}: {body.decode(errors='replace')}")
        return json.loads(body)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("docker", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket's path in place of a host."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def host_pid(inner: Inside) -> int:
    """Return the process id that this machine gives to the process that *inner* is known by.

    The same process has another number in each PID namespace; it is recognised by its namespace and its number there.
    Raises :class:`ViewError` when it has ended.
    """
    try:
        wanted = Path(inner.proc, "ns/pid").stat().st_ino
        innermost = _numbers(Path(inner.proc))[-1]
    except OSError as gone:
        raise ViewError(f"{inner.proc} has ended") from gone
    for entry in Path("/proc").iterdir():
        try:
            if (
                entry.name.isdecimal()
                and (entry / "ns/pid").stat().st_ino == wanted
                and _numbers(entry)[-1] == innermost
            ):
                return int(entry.name)
        except OSError:
            continue
    raise ViewError(f"{inner.proc} has ended")


def _numbers(proc: Path) -> list[int]:
    for line in (proc / "status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return [int(number) for number in line.split()[1:]]
    return [0]
