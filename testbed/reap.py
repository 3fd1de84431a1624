"""Remove what dead labs left behind: found by ownership marks, in any state, after any kind of death.

Marks are the label ``lso.lab`` of containers, volumes and networks, ``LSO_LAB`` in a process's environment, residence
in one of the lab's namespaces, and paths in the lab's folder. Names are never looked at.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from docker.errors import APIError, NotFound
from docker.models.containers import Container

from testbed import lease, netns
from testbed.containernet.node import kill
from testbed.containernet.plan import in_parallel
from testbed.engine import engine
from testbed.lease import LeaseError, State
from testbed.owner import LABEL, MARK, Owner

CONFLICT = 409
YOUNG = 10.0


@dataclass(frozen=True)
class Orphan:
    """One thing whose lab is dead: its *kind* (``container``, ``process`` …), its name or number, its lab's id."""

    kind: str
    name: str
    lab: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} of lab {self.lab}"


def orphans() -> tuple[Orphan, ...]:
    """Return everything that belongs to dead labs; looks only."""
    found = _seen()
    dead = {lab for lab in {orphan.lab for orphan in found} if _dead(lab)}
    return tuple(orphan for orphan in found if orphan.lab in dead)


def reap(*, dry_run: bool = False) -> tuple[Orphan, ...]:
    """Remove everything that belongs to dead labs and return what it was."""
    found = orphans()
    if not dry_run:
        for lab in dict.fromkeys(orphan.lab for orphan in found):
            _reap_lab(lab)
    return found


def remove(owner: Owner) -> None:
    """Remove all that *owner*'s lab made, and its folder last."""
    _remove(owner.lab, owner.folder)
    owner.lease.end()


def _reap_lab(lab: str) -> None:
    folder = lease.LABS / lab
    try:
        owner = Owner.adopt(folder)
    except LeaseError:
        if lease.state(folder) is State.HELD:
            return  # someone else is at it
        _remove(lab, folder)
        shutil.rmtree(folder, ignore_errors=True)
    else:
        remove(owner)


def _remove(lab: str, folder: Path) -> None:
    containers = engine().containers.list(all=True, filters={"label": f"{LABEL}={lab}"}, ignore_removed=True)
    in_parallel(_remove_container, containers)
    namespaces = tuple((folder / "ns").glob("*")) if folder.is_dir() else ()
    identities = {identity for path in namespaces if (identity := netns.identity(path))} - {_own_namespace()}
    kill(tuple({*netns.inhabitants(identities), *_marked(lab)} - {os.getpid()}))
    for path in namespaces:
        netns.remove(path)
    for volume in engine().volumes.list(filters={"label": f"{LABEL}={lab}"}):
        _gone(volume.remove)
    for network in engine().networks.list(filters={"label": f"{LABEL}={lab}"}):
        _gone(network.remove)


def _remove_container(container: Container) -> None:
    _gone(lambda: container.remove(force=True, v=True))


def _gone(remove_it: Callable[[], None]) -> None:
    try:
        remove_it()
    except NotFound:
        return
    except APIError as error:
        if error.status_code != CONFLICT:  # its removal is in progress
            raise


def _seen() -> tuple[Orphan, ...]:
    """Everything with a mark; the leases are asked afterwards, so what a lab makes meanwhile is not mistaken."""
    found: list[Orphan] = []
    for container in engine().containers.list(all=True, filters={"label": LABEL}, ignore_removed=True):
        found.append(Orphan("container", str(container.name), container.labels[LABEL]))
    for network in engine().networks.list(filters={"label": LABEL}):
        found.append(Orphan("network", str(network.name), network.attrs["Labels"][LABEL]))
    for volume in engine().volumes.list(filters={"label": LABEL}):
        found.append(Orphan("volume", str(volume.name), volume.attrs["Labels"][LABEL]))
    found += [Orphan("process", str(process), lab) for process, lab in _marks()]
    for folder in lease.folders():
        found += [Orphan("namespace", path.name, folder.name) for path in sorted((folder / "ns").glob("*"))]
        found.append(Orphan("folder", str(folder), folder.name))
    return tuple(found)


def _dead(lab: str) -> bool:
    folder = lease.LABS / lab
    if lab.startswith(lease.UNFINISHED) and folder.exists() and time.time() - folder.stat().st_mtime < YOUNG:
        return False  # its maker is between making the folder and locking it
    return lease.state(lease.LABS / lab) is State.DEAD


def _marked(lab: str) -> set[int]:
    return {process for process, owner in _marks() if owner == lab}


def _marks() -> Iterable[tuple[int, str]]:
    wanted = f"{MARK}=".encode()
    for entry in os.scandir("/proc"):
        if not entry.name.isdecimal():
            continue
        try:
            variables = Path(f"/proc/{entry.name}/environ").read_bytes().split(b"\0")
        except OSError:  # it ended just now, or is a kernel thread
            continue
        for variable in variables:
            if variable.startswith(wanted):
                yield int(entry.name), variable.removeprefix(wanted).decode(errors="replace")


def _own_namespace() -> tuple[int, int] | None:
    return netns.identity("/proc/self/ns/net")
