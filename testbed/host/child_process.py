"""Child processes of the test-bed: started in a namespace, labelled with their lab, killed when their parent ends.

Two things prevent orphans: the lab's id in its environment (``testbed.labels``), and the kernel's
parent-death signal. That signal fires when the *thread* that started the child ends, so all children are started by one
thread that lives as long as this process; a worker of a thread pool would take its children with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Literal, TypeVar

from testbed.errors import ProbeError
from testbed.host.namespace import Namespace
from testbed.labels import LAB_VARIABLE

Child = subprocess.Popen[str]
T = TypeVar("T")
Lifetime = Literal["parent", "lab"]


class _Starter:
    """The one thread that starts children; made at first use, and anew after a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def run(self, function: Callable[[], T]) -> T:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lso-start")
            pool = self._pool
        return pool.submit(function).result()

    def forget(self) -> None:
        """Drop the thread, which a fork does not copy."""
        self._lock = threading.Lock()
        self._pool = None


_starter = _Starter()
os.register_at_fork(after_in_child=_starter.forget)


def start(
    argv: Sequence[str],
    *,
    namespace: Namespace | None = None,
    lab: str | None = None,
    lifetime: Lifetime = "parent",
    stdin: int | IO[str] = subprocess.DEVNULL,
    stdout: int | IO[str] = subprocess.PIPE,
    stderr: int | IO[str] = subprocess.PIPE,
    privileges: Sequence[str] = (),
) -> Child:
    """Start *argv* (in *namespace*), labelled with *lab* (the namespace's lab by default).

    By default SIGKILL reaches it when this process ends for any reason; with *lifetime* ``"lab"`` it goes on, and
    whoever removes the lab finds it by its label.
    *privileges* are options of setpriv that drop what it does not need, once it is in the namespace.
    Files that it creates are private (umask 077). Raises :class:`ProbeError` when a needed executable is missing.
    """
    # The kernel forgets the signal with a change of user: both are one call.
    settings = [*(["--pdeathsig", "KILL"] if lifetime == "parent" else []), *privileges]
    bound = ["setpriv", *settings, "--", *argv] if settings else list(argv)
    command = namespace.command(bound) if namespace else bound
    owner = lab or (namespace.lab if namespace else "")
    environment = {**os.environ, "LC_ALL": "C", **({LAB_VARIABLE: owner} if owner else {})}
    try:
        return _starter.run(
            lambda: subprocess.Popen(
                command,
                env=environment,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                text=True,
                umask=0o077,
                start_new_session=True,
            )
        )
    except FileNotFoundError as missing:
        raise ProbeError(f"cannot start {argv[0]}: {missing.filename} is not installed") from missing


def stop(child: Child, *, first_signal: signal.Signals = signal.SIGTERM, timeout: float = 2.0) -> int:
    """End *child* with *first_signal*, after *timeout* seconds with SIGKILL; return its exit code. Safe to repeat."""
    if child.poll() is None:
        child.send_signal(first_signal)
        try:
            child.wait(timeout)
        except subprocess.TimeoutExpired:
            child.kill()
    code = child.wait()
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream:
            stream.close()
    return code


def exit_status(child: Child) -> str:
    """Return in words how *child* ended: by which signal or with which exit code, or that it is still running."""
    code = child.poll()
    if code is None:
        return "still running"
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def own_sockets(pid: int) -> frozenset[str]:
    """Return the inodes of the sockets that process *pid* holds; empty when it has ended."""
    try:
        links = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return frozenset()
    return frozenset(link[len("socket:[") : -1] for link in links if link.startswith("socket:["))
