"""The processes of a uCPE and the network namespaces that they, or mounts, keep alive."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from testbed.ucpe_view.snapshot.model import Part, part
from testbed.ucpe_view.snapshot.mounts import NETWORK_NAMESPACE, Mount

INIT = 1
SOCKET = re.compile(r"socket:\[(\d+)\]")
OUTSIDE = 0  # what a process sees as the parent that its PID namespace does not have


@dataclass(frozen=True)
class Running:
    """One process: its *parent*, its *command* line and its network *namespaces*, its own one first.

    *sockets* are the inodes of those that it has open. *bounds* are its limits and control groups, of those that
    :func:`as_part` has.
    """

    pid: int
    parent: int
    command: str
    program: str
    namespaces: tuple[str, ...] = field(default=())
    sockets: frozenset[str] = frozenset()
    bounds: tuple[tuple[str, str], ...] = ()


def running(folder: int) -> list[Running]:
    """Return the processes of the uCPE whose first process has *folder*, open, below ``/proc``."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    found = []
    proc = os.open("root/proc", flags, dir_fd=folder)
    try:
        numbers = (entry.name for entry in Path(f"/proc/self/fd/{proc}").iterdir() if entry.name.isdecimal())
        for number in sorted(numbers, key=int):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                own = os.open(number, flags, dir_fd=proc)
                try:
                    found.append(_running(int(number), own))
                finally:
                    os.close(own)
    finally:
        os.close(proc)
    return found


def as_part(found: Iterable[Running]) -> Part:
    """Return each process that the first process has, or that came from outside, by its command.

    What these start themselves is theirs and ends with them, or becomes the first process's: the helpers of
    the Docker Engine come and go.
    """
    roots = Counter((one.command, one.program, one.bounds) for one in found if _is_root(one.pid, one.parent))
    return part(
        (f"process {command}", {"program": program, **dict(bounds), **({"number": number} if number > 1 else {})})
        for (command, program, bounds), number in roots.items()
    )


def namespaces(found: Iterable[Running], mounts: Iterable[Mount]) -> Part:
    """Return the network namespaces: by the place where they are mounted, else by a process that holds them."""
    named = {mount.point: mount.root for mount in mounts if NETWORK_NAMESPACE.fullmatch(mount.root)}
    held: dict[str, str] = {}
    for one in found:
        for namespace in set(one.namespaces) - set(named.values()):
            held.setdefault(namespace, one.command)
    return part(
        [
            *((f"network namespace {point}", {"namespace": namespace}) for point, namespace in named.items()),
            *((f"network namespace {namespace} of process {command}", {}) for namespace, command in held.items()),
        ]
    )


def _is_root(pid: int, parent: int) -> bool:
    return pid == INIT or parent in (INIT, OUTSIDE)


def _running(pid: int, folder: int) -> Running:
    stat = _read("stat", folder)
    parent = int(stat.rpartition(")")[2].split()[1])
    held = list(_held(folder))
    arguments = _read("cmdline", folder).rstrip("\0").split("\0")
    command = shlex.join(arguments) if arguments != [""] else stat[stat.index("(") : stat.rindex(")") + 1]
    return Running(
        pid=pid,
        parent=parent,
        command=command,
        program=_link("exe", folder),
        namespaces=tuple(dict.fromkeys(filter(NETWORK_NAMESPACE.fullmatch, held))),
        sockets=frozenset(found[1] for found in map(SOCKET.fullmatch, held) if found),
        bounds=tuple(_bounds(folder)) if _is_root(pid, parent) else (),
    )


def _bounds(folder: int) -> Iterator[tuple[str, str]]:
    """Yield what bounds a process, which others can change while it runs (prlimit(1), cgroups(7))."""
    for line in _optional("limits", folder).splitlines()[1:]:
        name, soft, hard = line[:25].strip(), *line[25:].split()[:2]
        yield name, f"{soft} {hard}"
    for name, file in (("control groups", "cgroup"), ("OOM score adjustment", "oom_score_adj")):
        if text := " ".join(_optional(file, folder).split()):
            yield name, text


def _held(folder: int) -> Iterator[str]:
    yield _link("ns/net", folder)
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for number in Path(f"/proc/self/fd/{folder}/fd").iterdir():
            yield _link(f"fd/{number.name}", folder)


def _read(name: str, folder: int) -> str:
    descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
        return file.read()


def _optional(name: str, folder: int) -> str:
    try:
        return _read(name, folder)
    except FileNotFoundError:
        return ""


def _link(name: str, folder: int) -> str:
    try:
        return os.readlink(name, dir_fd=folder)
    except (FileNotFoundError, ProcessLookupError):
        return ""
