"""Network namespaces as values: run, open sockets and start threads inside one.

A namespace is named by any path that holds it (``/proc/<pid>/ns/net`` or a bind mount). Entering costs a
system call, not a process, so packets and netlink requests need no helper program inside the node.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, TypeVar

from pyroute2 import netns

ETH_P_ALL = 0x0003
T = TypeVar("T")


@dataclass(frozen=True)
class Namespace:
    """One network namespace, by the path that keeps it alive."""

    path: str
    lab: str = ""  # marks what is started here by LSO_LAB in its environment, so that nothing can be lost

    @classmethod
    def of_pid(cls, pid: int, lab: str = "") -> Namespace:
        """Return the network namespace of process *pid*."""
        return cls(f"/proc/{pid}/ns/net", lab)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Move the *calling thread* into the namespace for the length of the block."""
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            netns.setns(self.path)
            try:
                yield
            finally:
                netns.setns(own)
        finally:
            os.close(own)

    def packet_socket(self, interface: str) -> socket.socket:
        """Return an AF_PACKET socket bound to *interface*; it stays in the namespace after this call.

        Entered in a thread of its own: no other work of this process can be caught in the namespace.
        """
        return self._elsewhere(_packet_socket, interface)

    def socket(self, family: int, kind: int) -> socket.socket:
        """Return a socket of *family* and *kind* that lives in the namespace."""
        return self._elsewhere(socket.socket, family, kind)

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return the argument list that runs *argv* in this namespace from a shell."""
        return ["nsenter", f"--net={self.path}", "--", *argv]

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        input: str | None = None,  # noqa: A002  (the name subprocess.run gives it)
        timeout: float = 60.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run *argv* in the namespace and return the completed process with text output.

        Raises ``subprocess.CalledProcessError`` when *check* and the exit code is not 0.
        """
        return subprocess.run(
            self.command(argv),
            check=check,
            env=self._environment({}),
            input=input,
            timeout=timeout,
            capture_output=True,
            text=True,
        )

    def popen(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        stdout: int | IO[Any] | None = subprocess.PIPE,
        stderr: int | IO[Any] | None = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        """Start *argv* in the namespace, in a session of its own so that Ctrl-C reaches only its owner."""
        return subprocess.Popen(
            self.command(argv),
            env=self._environment(env or {}),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )

    def _environment(self, more: Mapping[str, str]) -> dict[str, str] | None:
        marks = {"LSO_LAB": self.lab} if self.lab else {}
        return {**os.environ, **marks, **more} if marks or more else None

    def _elsewhere(self, function: Callable[..., T], *arguments: Any) -> T:
        def inside() -> T:
            with self.entered():
                return function(*arguments)

        with ThreadPoolExecutor(max_workers=1) as pool:
            return pool.submit(inside).result()


def _packet_socket(interface: str) -> socket.socket:
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    raw.bind((interface, 0))
    return raw
