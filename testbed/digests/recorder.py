"""One recorder digests all packets at the ports of one namespace, those that are still to come as well.

It is a C program (``digest.c``, ``recorder.c``) that is compiled when it is started, which takes 10 ms. Only digests by
the same key can be compared.
"""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import resources
from threading import Lock
from typing import IO

from testbed.capture import CaptureError
from testbed.capture.tcpdump import PRIVILEGES
from testbed.host.child_process import Child, exit_status, start, stop
from testbed.host.namespace import Namespace
from testbed.polling import poll

SOURCES = "digest.c", "recorder.c"
NICENESS = -10
"""It has little to do, and what it does not do soon is lost: it goes before all that carries the frames."""


def source(key: int) -> str:
    """Return the program that makes digests by *key*, 64 bits that nobody knows whose packets are digested."""
    folder = resources.files(__package__)
    return "".join([f"#define KEY {key}ULL\n", *(folder.joinpath(name).read_text("utf-8") for name in SOURCES)])


@dataclass
class Recorder:
    """Digests at *ports* of *namespace* and at those that come up later, but what is within one of *networks*.

    What it has to do may take *deadline* seconds each time. Start and stop one instance once.
    """

    namespace: Namespace
    ports: Sequence[str]
    networks: Sequence[str]
    key: int
    deadline: float = 10.0
    _child: Child | None = field(default=None, init=False, repr=False)
    _told: IO[str] | None = field(default=None, init=False, repr=False)
    _asking: Lock = field(default_factory=Lock, init=False, repr=False)
    _times: int = field(default=0, init=False, repr=False)

    def launch(self) -> None:
        """Start the program without waiting; :meth:`confirm` must follow before traffic."""
        self._told = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  (until it is abandoned)
        with tempfile.TemporaryFile("w+", encoding="utf-8") as program:
            program.write(source(self.key))
            program.seek(0)
            words = ["tcc", "-run", "-", *self.networks, "--", *self.ports]
            self._child = start(
                words, namespace=self.namespace, stdin=program, stdout=self._told, privileges=PRIVILEGES
            )
        with suppress(PermissionError):  # of a container that may not: then it loses frames sooner on a busy machine
            os.setpriority(os.PRIO_PROCESS, self._child.pid, NICENESS)

    def confirm(self) -> None:
        """Wait until all is seen. Raises :class:`CaptureError` when that cannot begin."""
        self._until("ready")

    def read(self) -> str:
        """Return a line for each flow at each port, and which way: what was digested until now, and what was lost.

        Raises :class:`CaptureError` when that cannot be told.
        """
        with self._asking:
            self._times += 1
            self._running()[0].send_signal(signal.SIGUSR1)
            return self._until(f"end {self._times}").rpartition("end")[0]

    @property
    def pid(self) -> int:
        """Return the process id of the program."""
        return self._running()[0].pid

    def abandon(self) -> None:
        """End the program. Safe to repeat."""
        if self._child:
            stop(self._child, first_signal=signal.SIGKILL)
            self._child = None
        if self._told:
            self._told.close()

    def _running(self) -> tuple[Child, IO[str]]:
        if not self._child or not self._told:
            raise self._failure("do not run")
        return self._child, self._told

    def _failure(self, what: str) -> CaptureError:
        return CaptureError(f"the digests of what passes {', '.join(self.ports)} and the ports of VNFs {what}")

    def _until(self, last: str) -> str:
        """Return what the program said, once its last line begins with *last*."""
        child, told = self._running()

        def whole() -> str:
            ended = child.poll() is not None
            text = os.pread(told.fileno(), os.fstat(told.fileno()).st_size, 0).decode()  # the program has the position
            if text.endswith("\n") and text[:-1].rpartition("\n")[2] == last:
                return text
            if ended:
                said = child.stderr.read().strip() if child.stderr else ""
                raise self._failure(f"have {exit_status(child)}; their program said: {said or 'nothing'}")
            return ""

        if not (text := poll(whole, self.deadline)):
            raise self._failure("are not told: the machine is too busy")
        return text


@contextmanager
def recording(recorders: Sequence[Recorder]) -> Iterator[None]:
    """Digest around the block. Raises :class:`CaptureError` when that cannot begin."""
    try:
        for recorder in recorders:
            recorder.launch()
        for recorder in recorders:
            recorder.confirm()
        yield
    finally:
        for recorder in recorders:
            recorder.abandon()
