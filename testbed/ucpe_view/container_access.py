"""Enter a container by its process: run a command in its namespaces, ask the engine at its socket."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from testbed.errors import ProbeError
from testbed.host.namespace import Namespace
from testbed.host.process import OBSERVER, Process

API = "/v1.41"
SOCKET = "run/docker.sock"  # not var/run: an absolute link in there would lead to the machine's own engine
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class ViewError(ProbeError):
    """A container could not be inspected: it has ended, or a command inside it failed."""


@dataclass(frozen=True)
class ContainerAccess:
    """Access to a container from outside, by one of its processes."""

    process: Process

    @property
    def namespace(self) -> Namespace:
        """Return the container's network namespace."""
        return Namespace.of(self.process)

    def child(self, pid: int, name: str, container: str) -> ContainerAccess:
        """Return access to a container that runs within this one; *pid* is what this one's engine says.

        Raises ``Ended`` when that process is no longer the one of the container with the id *container*.
        """
        return ContainerAccess(Process.of(pid, name, container=container, outer=self.process))

    def alive(self) -> bool:
        """Tell whether the process still exists."""
        return self.process.alive()

    def has(self, path: str) -> bool:
        """Tell whether the container has a file at *path*, from its root; raises ``Ended`` when it has ended."""
        with self.process.opened() as folder:
            try:
                os.stat(f"root/{path}", dir_fd=folder)
            except FileNotFoundError:
                return False
            return True

    def run(self, argv: Sequence[str], *, input: str = "", timeout: float = 20.0) -> str:  # noqa: A002
        """Run *argv* in all namespaces of the container; return its standard output.

        Environment variables of the container are not set, capabilities are not reduced: this is for
        inspection, not for the container's own work. Raises :class:`ViewError` with standard error when the exit code
        is not 0, and ``Ended`` when the container has ended.
        """
        try:
            done = subprocess.run(
                self.process.command(argv, OBSERVER),
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
        """Return the JSON that the container's own Docker Engine answers to ``GET`` *path*. Raises ``ViewError``."""
        # By the open folder: the path would lead into whatever runs there by then.
        with self.process.opened() as folder:
            connection = _UnixConnection(f"/proc/self/fd/{folder}/root/{SOCKET}", timeout)
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
