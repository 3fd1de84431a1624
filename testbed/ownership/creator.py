"""The process that created a resource, as one word in its label: is it alive?

A lease is a file, and a file is seen in its own mount namespace only; a Docker Engine is seen in many, and on other
machines too. So the label of a resource identifies its creator: machine, boot, PID namespace, process number, time of
the start. Where that cannot be looked up, no process is called dead.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MACHINE_ID = Path("/etc/machine-id")
ALL_PROCESSES = 0xEFFFFFFC  # inode of the machine's first PID namespace (PROC_PID_INIT_INO): all others are below it
WORD = re.compile(r"m(?P<machine>[0-9a-f]*)\.b(?P<boot>[0-9a-f-]+)\.n(?P<pids>\d+)\.p(?P<pid>\d+)\.s(?P<start>\d+)")


class LivenessUnknown(Exception):
    """Whether the creator is alive cannot be seen from here; the message says why."""


@dataclass(frozen=True)
class Creator:
    """One process: machine id, boot id, inode of its PID namespace, its number there, its start in clock ticks."""

    machine: str
    boot: str
    pids: int
    pid: int
    start: int

    @classmethod
    def here(cls) -> Creator:
        """Return this process."""
        return cls(_machine_id(), boot_id(), _own_pids(), os.getpid(), _start_of(Path("/proc/self")))

    @classmethod
    def parse(cls, word: str) -> Creator:
        """Return what ``str`` wrote; raise :class:`LivenessUnknown` for anything else."""
        found = WORD.fullmatch(word)
        if not found:
            raise LivenessUnknown("it does not say who made it")
        return cls(found["machine"], found["boot"], int(found["pids"]), int(found["pid"]), int(found["start"]))

    def __str__(self) -> str:
        """Return it as one word without characters that labels, aliases or Open vSwitch would need quoted."""
        return f"m{self.machine}.b{self.boot}.n{self.pids}.p{self.pid}.s{self.start}"

    def since_boot(self) -> bool:
        """Tell whether it was started since this machine booted; no process is older."""
        return self.boot == boot_id()

    def alive(self) -> bool:
        """Tell whether the process is running; raise :class:`LivenessUnknown` when that cannot be seen from here."""
        if not self.since_boot():
            if not self.machine or self.machine != _machine_id():
                raise LivenessUnknown("it was made on another machine")
            return False  # this machine was started anew since
        if str(Path("/proc/self").readlink()) != str(os.getpid()):
            raise LivenessUnknown("/proc shows another PID namespace than this process is in")
        own = _own_pids()
        if self.pids == own:
            return _is_start(Path(f"/proc/{self.pid}"), self.start)
        if any(self._is(process) for process in _processes()):
            return True
        if own != ALL_PROCESSES:
            raise LivenessUnknown("it was made in another PID namespace, whose processes cannot be seen from here")
        return False

    def _is(self, process: Path) -> bool:
        """Tell whether *process* is this one, seen from a PID namespace above its own."""
        try:
            return (
                (process / "ns/pid").stat().st_ino == self.pids
                and _innermost(process) == self.pid
                and _is_start(process, self.start)
            )
        except OSError:
            return False


def boot_id() -> str:
    """Return the id of this start of the machine."""
    return BOOT_ID.read_text().strip()


def _machine_id() -> str:
    with contextlib.suppress(OSError):
        text = MACHINE_ID.read_text().strip()
        return text if re.fullmatch(r"[0-9a-f]{32}", text) else ""
    return ""


def _own_pids() -> int:
    return Path("/proc/self/ns/pid").stat().st_ino


def _processes() -> Iterator[Path]:
    return (Path(entry.path) for entry in os.scandir("/proc") if entry.name.isdecimal())


def _start_of(process: Path) -> int:
    return int((process / "stat").read_text().rpartition(")")[2].split()[19])


def _is_start(process: Path, start: int) -> bool:
    """Tell whether *process* runs since *start*; one that is only waited for has ended."""
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] not in "ZX" and int(fields[19]) == start


def _innermost(process: Path) -> int:
    lines = (process / "status").read_text().splitlines()
    return next(int(line.split()[-1]) for line in lines if line.startswith("NSpid:"))
