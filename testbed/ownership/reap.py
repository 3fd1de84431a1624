"""Remove what a lab made: at its end by its owner, and after its owner's death by anyone.

Everything is found by its label (``testbed.ownership.resources``), in any state, after any kind of death; names are
never looked at. Dead is what is proven to be: by the lease where that can be seen, else by what a thing says of its
maker. A lab of which neither can be told from here, as when it was made on another machine that shares the engine, is
left alone.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

from docker.errors import DockerException
from requests import RequestException

from testbed.host.engine import EngineError
from testbed.host.termination import end_all
from testbed.ownership import lease, resources
from testbed.ownership.creator import Maker, Unknown
from testbed.ownership.lease import LeaseError, State
from testbed.ownership.owner import Owner
from testbed.ownership.resources import Marked, Thing
from testbed.polling import poll
from testbed.threads import in_parallel

YOUNG = 10.0
SETTLE = 2.0  # seconds within which the engine shows what it was asked for
WORKERS = 16
FAULTS = (OSError, EngineError, DockerException, RequestException, subprocess.SubprocessError)
OTHERS = 60.0  # longest that others may take to remove a lab, in seconds


class ReapError(RuntimeError):
    """Something of a lab cannot be removed, everything else has been; the message says what is in the way."""


def orphans() -> tuple[Thing, ...]:
    """Return everything that belongs to dead labs; looks only.

    The leases are asked after looking, so what a lab makes in the meantime is not mistaken for an orphan.
    """
    return tuple(thing.plain() for things in _by_lab() if _dead(things) for thing in things)


def undecided() -> dict[str, str]:
    """Return the labs of which it cannot be told from here whether they live, each with the reason."""
    found = {}
    for things in _by_lab():
        try:
            _proven_dead(things)
        except Unknown as reason:
            found[things[0].lab] = str(reason)
    return found


def reap(*, dry_run: bool = False) -> tuple[Thing, ...]:
    """Remove everything that belongs to dead labs and return what it was; wait for others who are doing the same.

    Raises :class:`ReapError` when something cannot be removed, after all the rest has been.
    """
    found = orphans()
    if not dry_run:
        with ThreadPoolExecutor(WORKERS) as pool:
            tried = pool.map(_tried, dict.fromkeys(thing.lab for thing in found))
        faults = [fault for faults in tried for fault in faults]
        poll(lambda: not any(lease.state(folder) is State.GOING for folder in lease.folders()), OTHERS, 0.05)
        if faults:
            raise ReapError("; ".join(faults))
    return found


def remove(owner: Owner) -> None:
    """Remove all that *owner*'s lab made, its folder last."""
    _remove(owner.lab)
    owner.lease.end()


def _age(path: Path) -> float:
    """Return how old *path* is, in seconds; 0 when that is still to come, because the clock was set back."""
    try:
        return max(0.0, time.time() - path.stat().st_mtime)
    except FileNotFoundError:
        return YOUNG


def _tried(lab: str) -> list[str]:
    try:
        _reap_lab(lab)
    except ReapError as fault:
        return [str(fault)]
    return []


def _reap_lab(lab: str) -> None:
    folder = lease.LABS / lab
    try:
        owner = Owner.adopt(folder)
    except LeaseError:
        if lease.state(folder) in (State.HELD, State.GOING):
            return  # someone else is at it
        _remove(lab)
        shutil.rmtree(folder, ignore_errors=True)
    else:
        try:
            _remove(lab)
            time.sleep(SETTLE)
            _remove(lab)  # what the Docker Engine was still making when the owner died
            owner.lease.end()
        finally:
            owner.lease.release()  # what cannot be removed now is an orphan again


def _remove(lab: str) -> None:
    """Remove all that *lab* made but its folder; what is in the way of one thing is not in the way of the others."""
    steps: list[Callable[[], object]] = [
        lambda: in_parallel(lambda thing: thing.remove(), _of(lab, resources.containers)),
        lambda: end_all(int(thing.name) for thing in _of(lab, resources.processes)),
    ]
    faults = [fault for step in steps for fault in _attempt(step)]
    others = (
        *(resources.bridges, resources.interfaces, resources.rules),
        *(resources.namespaces, resources.volumes, resources.networks),
    )
    for source in others:
        faults += [fault for thing in _of(lab, source) for fault in _attempt(thing.remove)]
    if faults:
        raise ReapError(f"lab {lab}: {', '.join(map(str, faults))}")


def _attempt(step: Callable[[], object]) -> list[Exception]:
    try:
        step()
    except FAULTS as fault:
        return [fault]
    return []


def _of(lab: str, source: Callable[[], Iterator[Marked]]) -> tuple[Marked, ...]:
    return tuple(thing for thing in source() if thing.lab == lab)


def _by_lab() -> Iterator[list[Marked]]:
    found = sorted(resources.everything(), key=lambda thing: thing.lab)
    return (list(things) for _, things in groupby(found, lambda thing: thing.lab))


def _dead(things: list[Marked]) -> bool:
    try:
        return _proven_dead(things)
    except Unknown:
        return False


def _proven_dead(things: list[Marked]) -> bool:
    """Tell whether the lab that made *things* is dead; raise ``Unknown`` when that cannot be told from here."""
    folder = lease.LABS / things[0].lab
    if folder.is_dir():
        return not (_young(folder) or lease.state(folder) is not State.DEAD)
    if any(thing.kept and Maker.parse(thing.maker).of_this_start() for thing in things):
        return False
    return not (_made_by_the_living(thing.maker for thing in things) or lease.opened(things[0].lab))


def _made_by_the_living(makers: Iterable[str]) -> bool:
    known = {maker for maker in makers if maker}
    if not known:
        raise Unknown("its lease is not here, and nothing that it made says who made it")
    return any(Maker.parse(maker).lives() for maker in known)


def _young(folder: Path) -> bool:
    """Tell whether its maker is between making the folder and locking it; never for a time that is still to come."""
    return folder.name.startswith(lease.UNFINISHED) and 0 < _age(folder) < YOUNG
