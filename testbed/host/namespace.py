"""Network namespaces as values: run, open sockets and start threads inside one.

A namespace is named by a path that holds it: a bind mount, or a process (``testbed.host.process``). Entering costs a
system call, not a process, so packets and netlink requests need no helper program inside the node. What is gone, and
what turns out to be the machine's own namespace, is never entered.
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

from testbed.errors import Ended
from testbed.host.process import NETWORK, Process
from testbed.labels import LAB_VARIABLE

ETH_P_ALL = 0x0003
T = TypeVar("T")


@dataclass(frozen=True)
class Namespace:
    """One network namespace, by the path that keeps it alive."""

    path: str
    lab: str = ""  # what is started here carries it in its environment, so that nothing can be lost
    process: Process | None = None  # the process whose namespace it is, where nothing else holds it

    @classmethod
    def of_pid(cls, pid: int, lab: str = "") -> Namespace:
        """Return the network namespace of process *pid*; raise :class:`Ended` when that has ended."""
        return cls.of(Process.of(pid), lab)

    @classmethod
    def of(cls, process: Process, lab: str = "") -> Namespace:
        """Return the network namespace of *process*."""
        return cls(f"{process.proc}/ns/net", lab, process)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Move the *calling thread* into the namespace for the length of the block; raise ``Ended`` if it is gone."""
        with _open("/proc/thread-self/ns/net") as own, self._opened(own) as there:
            netns.setns(there)
            try:
                yield
            finally:
                netns.setns(own)

    def check(self) -> None:
        """Raise :class:`Ended` when the namespace is gone, or is the one that this process lives in."""
        if self.process:
            return self.process.check()
        with _open("/proc/thread-self/ns/net") as own, self._opened(own):
            return None

    @contextmanager
    def _opened(self, own: int) -> Iterator[int]:
        if self.process:
            with self.process.namespace("net") as there:
                yield there
            return
        try:
            there = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as gone:
            raise Ended(f"the network namespace {self.path} is gone") from gone
        try:
            ours, found = os.fstat(own), os.fstat(there)
            if found.st_dev != ours.st_dev:  # a file that no namespace is mounted on any more
                raise Ended(f"the network namespace {self.path} is gone")
            if found.st_ino == ours.st_ino:
                raise Ended(f"{self.path} is the network that this process lives in, not a lab's")
            yield there
        finally:
            os.close(there)

    def packet_socket(self, interface: str) -> socket.socket:
        """Return an AF_PACKET socket bound to *interface*; it stays in the namespace after this call.

        Entered in a thread of its own: no other work of this process can be caught in the namespace.
        """
        return self._elsewhere(_packet_socket, interface)

    def socket(self, family: int, kind: int) -> socket.socket:
        """Return a socket of *family* and *kind* that lives in the namespace."""
        return self._elsewhere(socket.socket, family, kind)

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return the argument list that runs *argv* in this namespace from a shell; raise ``Ended`` if it is gone."""
        if self.process:
            return self.process.command(argv, NETWORK)
        self.check()
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
        own = {LAB_VARIABLE: self.lab} if self.lab else {}
        return {**os.environ, **own, **more} if own or more else None

    def _elsewhere(self, function: Callable[..., T], *arguments: Any) -> T:
        def inside() -> T:
            with self.entered():
                return function(*arguments)

        with ThreadPoolExecutor(max_workers=1) as pool:
            return pool.submit(inside).result()


@contextmanager
def _open(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _packet_socket(interface: str) -> socket.socket:
    # With a protocol it would hear every interface at once, and leaving those takes the kernel 10 ms and more.
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    raw.bind((interface, ETH_P_ALL))
    return raw
