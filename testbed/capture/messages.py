"""What a running tcpdump says on its standard error, and what the kernel says of its socket."""

from __future__ import annotations

import os
import re
import select
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from testbed.host.child_process import Child, own_sockets

_COUNTS = r"(\d+) packets? captured{0}(\d+) packets? received by filter{0}(\d+) packets? dropped by kernel"
_AT_THE_END, _ANSWER = re.compile(_COUNTS.format(r"\n\s*")), re.compile(_COUNTS.format(r",\s*"))
_RUNNING, _INODE = 5, 8  # columns of /proc/net/packet


@dataclass(frozen=True)
class Counters:
    """Frames: what tcpdump says that it wrote, that the kernel matched, and that it dropped for lack of buffer."""

    captured: int
    received: int
    dropped: int


def last_counters(text: str) -> Counters | None:
    """Return the counters that tcpdump tells when it ends, out of its messages *text*; None when there are none."""
    return _last(_AT_THE_END, text)


def last_answer(text: str) -> Counters | None:
    """Return tcpdump's newest answer to SIGUSR1; what it tells at its end, in lines of their own, is none."""
    return _last(_ANSWER, text)


def _last(form: re.Pattern[str], text: str) -> Counters | None:
    found = form.findall(text)
    return Counters(*(int(number) for number in found[-1])) if found else None


def attached(pid: int) -> bool:
    """Tell whether process *pid* owns a packet socket that the kernel runs on an interface of its namespace."""
    try:
        lines = Path(f"/proc/{pid}/net/packet").read_text().splitlines()[1:]
    except OSError:
        return False
    own = own_sockets(pid)
    columns = [line.split() for line in lines]
    return any(row[_RUNNING] == "1" and row[_INODE] in own for row in columns if len(row) > _INODE)


def asleep(pid: int) -> bool:
    """Tell whether process *pid* waits for something, and for no disk."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"
    except OSError:
        return False


@dataclass
class Messages:
    """All that *child* has written to its standard error so far, in ``text``."""

    child: Child
    text: str = field(default="", init=False)
    ended: bool = field(default=False, init=False)

    def until(self, done: Callable[[str], bool], deadline: float) -> bool:
        """Read until ``done(text)``, end of file or *deadline* seconds; return the last answer of *done*."""
        end = time.monotonic() + deadline
        while not done(self.text):
            left = end - time.monotonic()
            if self.ended or left <= 0:
                return False
            self._read(left)
        return True

    def until_end(self, deadline: float) -> bool:
        """Read to the end of file, for at most *deadline* seconds; tell whether it was reached."""
        self.until(lambda _: self.ended, deadline)
        return self.ended

    def _read(self, seconds: float) -> None:
        stream = self.child.stderr
        if stream is None:
            raise ValueError("the child was started without a pipe for its messages")
        if select.select([stream], [], [], seconds)[0]:
            chunk = os.read(stream.fileno(), 65536)
            self.ended = not chunk
            self.text += chunk.decode(errors="replace")
