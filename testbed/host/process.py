"""Enter the namespaces of a process, and never those of another process that has got the same number since.

Numbers of processes are reused; a number together with the time of the start is not. Whoever enters opens the folder
 ``/proc/<pid>`` first and compares the time of the start there: an open folder belongs to that one process
for good, and whatever is opened through it after the process has ended fails.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.errors import Ended

NSENTER = "/usr/bin/nsenter"  # by its path: the container's PATH is in force when it is looked up
NETWORK = ("net",)
OBSERVER = ("mount", "uts", "ipc", "net", "pid")
CONTAINER = (*OBSERVER, "cgroup")
FILES = {"mount": "mnt"}  # where the option of nsenter and the file in /proc/<pid>/ns have different names
NOT_ENTERED = 125  # the exit code that docker, chroot and env have for it
START = 19  # field 22 of /proc/<pid>/stat, counted from after the name in parentheses

# The working directory is the process's folder from there on, so that what follows cannot reach another process.
ENTER = """go() { cd -P "$1" && read -r line <stat && set -- "$2" ${line##*) } && [ "${21}" = "$1" ]; }
here=$PWD
"""


@dataclass(frozen=True)
class Process:
    """One process: its number *pid*, when it was *started* (clock ticks since boot), and a *name* for messages.

    *outer* is the init process of the container whose PID namespace *pid* is of; None: this machine's.
    """

    pid: int
    started: int
    name: str
    outer: Process | None = None

    @classmethod
    def of(cls, pid: int, name: str = "", *, container: str = "", outer: Process | None = None) -> Process:
        """Return process *pid*, which must belong to the container with the id *container* when that is given.

        Raises :class:`Ended` when it has ended, or when its number is another's by now.
        """
        found = cls(pid, 0, name or f"process {pid}", outer)
        with found._folder() as folder:
            if container and container not in found._read(folder, "cgroup"):
                raise found.ended()
            return cls(pid, int(found._stat(folder)[START]), found.name, outer)

    @property
    def proc(self) -> str:
        """The path of its folder below ``/proc``; to read from it, use :meth:`opened`: it may be another's by now."""
        return f"{self.outer.proc}/root/proc/{self.pid}" if self.outer else f"/proc/{self.pid}"

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Yield a descriptor of its folder below ``/proc``; raise :class:`Ended` when it has ended."""
        with self._folder() as folder:
            if int(self._stat(folder)[START]) != self.started:
                raise self.ended()
            yield folder

    @contextmanager
    def _folder(self) -> Iterator[int]:
        folder = self._open_folder()
        try:
            yield folder
        finally:
            os.close(folder)

    def _open_folder(self) -> int:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        try:
            if not self.outer:
                return os.open(self.proc, flags)
            with self.outer.opened() as outer:
                return os.open(f"root/proc/{self.pid}", flags, dir_fd=outer)
        except (FileNotFoundError, ProcessLookupError) as gone:
            raise self.ended() from gone

    def alive(self) -> bool:
        """Tell whether it is running."""
        try:
            with self.opened() as folder:
                return self._stat(folder)[0] not in "ZX"
        except Ended:
            return False

    def check(self) -> None:
        """Raise :class:`Ended` unless it runs: when it has ended, or its container is paused."""
        if not self.alive():
            raise self.ended()
        if self.paused():
            raise Ended(f"{self.name} is paused: nothing can run in it before docker unpause")

    def paused(self) -> bool:
        """Tell whether its control group is frozen, as ``docker pause`` does it."""
        return any(_frozen(group.parent) for group in self.control_groups())

    def ended(self) -> Ended:
        """Return the error that says that it has ended."""
        return Ended(f"{self.name} has ended")

    @contextmanager
    def namespace(self, kind: str) -> Iterator[int]:
        """Yield a descriptor of its namespace of that *kind*, to enter; raise :class:`Ended` when it has ended."""
        with self.opened() as folder:
            try:
                found = os.open(f"ns/{FILES.get(kind, kind)}", os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
            except (FileNotFoundError, ProcessLookupError) as gone:
                raise self.ended() from gone
            try:
                yield found
            finally:
                os.close(found)

    def read(self, path: str) -> str:
        """Return the text of the file *path* in its folder below ``/proc``."""
        with self.opened() as folder:
            return self._read(folder, path)

    def _read(self, folder: int, path: str) -> str:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
            with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
                return file.read()
        except (FileNotFoundError, ProcessLookupError) as gone:
            raise self.ended() from gone

    def _stat(self, folder: int) -> list[str]:
        return self._read(folder, "stat").rpartition(")")[2].split()

    def command(self, argv: Sequence[str], namespaces: Sequence[str] = CONTAINER, *, options: Sequence[str] = (),
                before: Sequence[str] = ()) -> list[str]:  # fmt: skip
        """Return the argument list that runs *argv* in *namespaces* of the process; ``cgroup``: its control groups.

        *options* are further options of nsenter, *before* is a command in front of it. The working directory stays when
        no mount namespace is entered. Raises :class:`Ended`; the command itself says so and ends with 125 when the
        process ends between this call and the command's start.
        """
        self.check()
        files = [f"--{kind}=ns/{FILES.get(kind, kind)}" for kind in namespaces]
        directory = [] if "mount" in namespaces else ['--wd="$here"']
        script = f"{ENTER}{self._way()} || {{ echo {shlex.quote(self.name)} has ended >&2; exit {NOT_ENTERED}; }}\n"
        if "cgroup" in namespaces:
            script += "".join(f"echo $$ >{shlex.quote(str(path))}\n" for path in self.control_groups())
        script += f'exec {shlex.join([*before, NSENTER, *files, *options])} {" ".join(directory)} -- "$@"'
        return ["/bin/sh", "-c", script, "sh", *argv]

    def _way(self) -> str:
        place = f"{self.outer._way()} && go root/proc/{self.pid}" if self.outer else f"go /proc/{self.pid}"
        return f"{place} {self.started} 2>/dev/null"

    def control_groups(self) -> list[Path]:
        """Return the files that a process writes itself into to join the control groups, versions 1 and 2."""
        places = []
        for line in self.read("cgroup").splitlines():
            _, controllers, group = line.split(":", 2)
            place = _tree(controllers) / group.lstrip("/") / "cgroup.procs"
            if place.exists():
                places.append(place)
        return places

    def described(self) -> dict[str, Any]:
        """Return it as JSON values; :meth:`from_description` reads them. Only for a process of this machine."""
        return {"pid": self.pid, "started": self.started, "name": self.name}

    @classmethod
    def from_description(cls, described: Mapping[str, Any]) -> Process:
        """Return the process that :meth:`described` wrote down; it may have ended."""
        return cls(described["pid"], described["started"], described["name"])


def _tree(controllers: str) -> Path:
    if controllers:
        return Path("/sys/fs/cgroup") / controllers.removeprefix("name=")
    unified = Path("/sys/fs/cgroup/unified")
    return unified if unified.is_dir() else Path("/sys/fs/cgroup")


def _frozen(group: Path) -> bool:
    for file, word in (("freezer.state", "FROZEN"), ("cgroup.events", "frozen 1")):
        try:
            if word in (group / file).read_text():
                return True
        except OSError:
            continue
    return False
