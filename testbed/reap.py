"""Remove what a lab made: at its end by its owner, and after its owner's death by anyone.

Everything is found by its mark (``testbed.marks``), in any state, after any kind of death; names are never looked at.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from testbed import lease, marks
from testbed.containernet.plan import in_parallel
from testbed.ending import end_all
from testbed.lease import LeaseError, State
from testbed.marks import Marked, Thing
from testbed.owner import Owner

YOUNG = 10.0
SETTLE = 2.0  # within that, the engine shows what it was asked for


def orphans() -> tuple[Thing, ...]:
    """Return everything that belongs to dead labs; looks only.

    The leases are asked after looking, so what a lab makes in the meantime is not mistaken for an orphan.
    """
    found = marks.everything()
    dead = {lab for lab in {thing.lab for thing in found} if _dead(lab)}
    return tuple(thing.plain() for thing in found if thing.lab in dead)


def reap(*, dry_run: bool = False) -> tuple[Thing, ...]:
    """Remove everything that belongs to dead labs and return what it was."""
    found = orphans()
    if not dry_run:
        for lab in dict.fromkeys(thing.lab for thing in found):
            _reap_lab(lab)
    return found


def remove(owner: Owner) -> None:
    """Remove all that *owner*'s lab made, its folder last."""
    _remove(owner.lab)
    owner.lease.end()


def _settle(owner: Owner) -> None:
    """Remove what the Docker Engine was still making when the owner died, and shows only later."""
    age = _age(owner.journal.path)
    if age < SETTLE:
        time.sleep(SETTLE - age)
        _remove(owner.lab)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return SETTLE


def _reap_lab(lab: str) -> None:
    folder = lease.LABS / lab
    try:
        owner = Owner.adopt(folder)
    except LeaseError:
        if lease.state(folder) is State.HELD:
            return  # someone else is at it
        _remove(lab)
        shutil.rmtree(folder, ignore_errors=True)
    else:
        _remove(lab)
        _settle(owner)
        owner.lease.end()


def _remove(lab: str) -> None:
    in_parallel(lambda thing: thing.remove(), _of(lab, marks.containers))
    end_all(int(thing.name) for thing in _of(lab, marks.processes))
    for source in (marks.bridges, marks.interfaces, marks.namespaces, marks.volumes, marks.networks):
        for thing in _of(lab, source):
            thing.remove()


def _of(lab: str, source: Callable[[], Iterator[Marked]]) -> tuple[Marked, ...]:
    return tuple(thing for thing in source() if thing.lab == lab)


def _dead(lab: str) -> bool:
    folder = lease.LABS / lab
    if lab.startswith(lease.UNFINISHED) and folder.exists() and time.time() - folder.stat().st_mtime < YOUNG:
        return False  # its maker is between making the folder and locking it
    return lease.state(folder) is State.DEAD
