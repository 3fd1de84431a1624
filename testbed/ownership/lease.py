"""Leases: who owns a lab, and whether that owner still lives.

A lab's folder holds the file ``lease``. Its owner keeps it locked with ``flock``: the kernel drops the lock at the
moment the process ends, however it ends, so a dead owner is seen at once and no heartbeat is needed. A kept lab lives
on without an owner until its removal begins, or the machine restarts.
"""

from __future__ import annotations

import atexit
import contextlib
import enum
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.ownership.creator import boot_id
from testbed.polling import poll

LABS = Path("/run/lso-testbed/labs")
UNFINISHED = ".new-"


class LeaseError(RuntimeError):
    """A lab cannot be adopted: it does not exist, or another process holds its lease."""


class State(enum.Enum):
    """What a lease says of its lab."""

    HELD = "running"  # its owner lives
    BEING_REMOVED = "going"  # someone is removing it
    KEPT = "kept"  # no owner, but it is to stay
    DEAD = "dead"  # its resources are orphans


@dataclass
class Lease:
    """The lock on one lab's folder. Made by :meth:`create` or :meth:`adopt`."""

    folder: Path
    _descriptor: int = -1

    @classmethod
    def create(cls, name: str, labs: Path = LABS, *, keep_unused: bool = True) -> Lease:
        """Make the folder of a new lab, locked from its first moment; its id is *name* and six random digits.

        Without *keep_unused* the folder goes when the process ends and nothing has been made in it.
        """
        labs.mkdir(mode=0o700, parents=True, exist_ok=True)
        while (labs / (lab := f"{name}-{secrets.token_hex(3)}")).exists():
            pass
        fresh = labs / f"{UNFINISHED}{lab}"
        try:
            fresh.mkdir(mode=0o700)
            lease = cls(labs / lab, _locked(fresh / "lease"))
            lease._write(kept=False)
            if not keep_unused:
                atexit.register(lease._end_unused, os.getpid())
            fresh.rename(lease.folder)  # only now others see it
        except BaseException:  # also Ctrl-C: nothing is in the folder yet
            for folder in (fresh, labs / lab):
                shutil.rmtree(folder, ignore_errors=True)
            raise
        return lease

    @classmethod
    def adopt(cls, folder: Path, timeout: float = 0.3) -> Lease:
        """Become the owner of the lab in *folder*, to remove it; raise :class:`LeaseError` when another process is."""
        if not (folder / "lease").exists():
            raise LeaseError(f"there is no lab {folder.name!r}")
        locked = poll(lambda: _try_lock(folder / "lease"), timeout)  # one that only looks locks for an instant
        if locked is None:
            raise LeaseError(f"lab {folder.name!r} is in use by process {holder(folder).get('pid', 'unknown')}")
        lease = cls(folder, locked[0])
        lease._write(kept=holder(folder).get("kept", False), going=True)
        return lease

    @property
    def descriptor(self) -> int:
        """The open lock: a process that inherits it holds the lease too."""
        return self._descriptor

    @property
    def lab(self) -> str:
        """The id of the lab."""
        return self.folder.name

    def keep(self) -> None:
        """Let the lab outlive this process."""
        self._write(kept=True)

    def release(self) -> None:
        """Release the lock and leave the folder where it is."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def hold_alone(self) -> bool:
        """Hold the lock for this process alone; when a forked one holds it too, release it to that one: False."""
        self.release()
        try:
            self._descriptor = Lease.adopt(self.folder)._descriptor
        except LeaseError:
            return False
        return True

    def end(self) -> None:
        """Remove the folder, then release the lock: nobody can adopt a lab that is being removed."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.release()

    def _end_unused(self, process: int) -> None:
        """Remove the folder of a lab that was interrupted before anything was made: it holds nothing but the lease."""
        if self._descriptor >= 0 and os.getpid() == process:
            with contextlib.suppress(OSError):
                if [path.name for path in self.folder.iterdir()] == ["lease"]:
                    self.end()

    def _write(self, *, kept: bool, going: bool = False) -> None:
        text = json.dumps({"pid": os.getpid(), "boot": boot_id(), "kept": kept, "going": going})
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)


def state(folder: Path) -> State:
    """Return what the lease in *folder* says; a folder without a lease is dead."""
    try:
        descriptor = os.open(folder / "lease", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return State.DEAD
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return State.BEING_REMOVED if holder(folder).get("going") else State.HELD
    finally:
        os.close(descriptor)
    written = holder(folder)
    kept = written.get("kept") and not written.get("going") and written.get("boot") == boot_id()
    return State.KEPT if kept else State.DEAD


def opened(lab: str) -> bool:
    """Tell whether a process that can be seen from here has the lease of *lab* open, wherever that file is.

    An owner that forks goes on in its child, which holds the same lock.
    """
    wanted = f"/{lab}/lease"
    for process in os.scandir("/proc"):
        if process.name.isdecimal() and any(link.endswith(wanted) for link in _open_files(process.path)):
            return True
    return False


def _open_files(process: str) -> Iterator[str]:
    with contextlib.suppress(OSError):  # it ended just now
        for entry in os.scandir(f"{process}/fd"):
            with contextlib.suppress(OSError):
                yield str(Path(entry.path).readlink())


def holder(folder: Path) -> dict[str, Any]:
    """Return what the owner wrote into the lease: ``pid``, ``boot``, ``kept``, ``going``; empty before it wrote."""
    try:
        return dict(json.loads((folder / "lease").read_text()))
    except (OSError, ValueError):
        return {}


def folders(labs: Path = LABS) -> tuple[Path, ...]:
    """Return the folders of all labs, also of those whose owner died while it made them."""
    return tuple(sorted(path for path in labs.iterdir() if path.is_dir())) if labs.is_dir() else ()


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def _try_lock(path: Path) -> tuple[int] | None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return (descriptor,)
