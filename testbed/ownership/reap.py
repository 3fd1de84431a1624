"""Remove what a lab made: at its end by its owner, and after its owner's death by anyone.

Everything is found by its label (``testbed.ownership.resources``), in any state, after any kind of death; names are
never looked at. Dead is what is proven to be: by the lease where that can be seen, else by what a resource says of its
creator. A lab of which neither can be told from here, as when it was made on another machine that shares the engine, is
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
from testbed.host.termination import terminate
from testbed.ownership import lease, resources
from testbed.ownership.creator import Creator, LivenessUnknown
from testbed.ownership.lease import LeaseError, State
from testbed.ownership.owner import Owner
from testbed.ownership.resources import OwnedResource, Resource
from testbed.polling import poll
from testbed.threads import in_parallel

FINISHING = 10.0  # seconds that a lab may take between making its folder and locking it
ENGINE_SECONDS = 2.0  # within that, the Docker Engine has made what it was asked for
OTHERS_SECONDS = 60.0  # longest that other processes may take to remove a lab
WORKERS = 16
FAULTS = (OSError, EngineError, DockerException, RequestException, subprocess.SubprocessError)


class ReapError(RuntimeError):
    """Some resources of a lab cannot be removed, all others have been; the message says what is in the way."""


def orphans() -> tuple[Resource, ...]:
    """Return the resources of all dead labs; removes nothing.

    The leases are read after the resources, so what a lab makes in the meantime is not mistaken for an orphan.
    """
    return tuple(resource.plain() for owned in _by_lab() if _dead(owned) for resource in owned)


def undecided() -> dict[str, str]:
    """Return the labs of which it cannot be told from here whether they are dead: id → reason."""
    reasons = {}
    for owned in _by_lab():
        try:
            _proven_dead(owned)
        except LivenessUnknown as reason:
            reasons[owned[0].lab] = str(reason)
    return reasons


def reap(*, dry_run: bool = False) -> tuple[Resource, ...]:
    """Remove the resources of all dead labs and return them; wait for other processes that are doing the same.

    With *dry_run* nothing is removed. Raises :class:`ReapError` when something cannot be removed, after all the rest
    has been.
    """
    found = orphans()
    if not dry_run:
        with ThreadPoolExecutor(WORKERS) as pool:
            attempts = pool.map(_attempt_reap, dict.fromkeys(resource.lab for resource in found))
        faults = [fault for attempt in attempts for fault in attempt]
        poll(_no_lab_is_being_removed, OTHERS_SECONDS, 0.05)
        if faults:
            raise ReapError("; ".join(faults))
    return found


def remove(owner: Owner) -> None:
    """Remove all resources of *owner*'s lab, then its folder; raise :class:`ReapError` when one cannot be removed."""
    _remove(owner.lab)
    owner.lease.end()


def _attempt_reap(lab: str) -> list[str]:
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
        if lease.state(folder) in (State.HELD, State.BEING_REMOVED):
            return  # another process removes it
        _remove(lab)
        shutil.rmtree(folder, ignore_errors=True)
    else:
        try:
            _remove(lab)
            time.sleep(ENGINE_SECONDS)
            _remove(lab)  # what the Docker Engine was still making when the owner died
            owner.lease.end()
        finally:
            owner.lease.release()  # what cannot be removed now is an orphan again


def _no_lab_is_being_removed() -> bool:
    return all(lease.state(folder) is not State.BEING_REMOVED for folder in lease.folders())


def _remove(lab: str) -> None:
    """Remove all resources of *lab* but its folder; one that cannot be removed does not keep the others."""
    steps: list[Callable[[], object]] = [
        lambda: in_parallel(lambda container: container.remove(), _of(lab, resources.containers)),
        lambda: terminate(int(process.name) for process in _of(lab, resources.processes)),
    ]
    faults = [fault for step in steps for fault in _attempt(step)]
    others = (
        *(resources.bridges, resources.interfaces, resources.rules),
        *(resources.namespaces, resources.volumes, resources.networks),
    )
    for source in others:
        faults += [fault for resource in _of(lab, source) for fault in _attempt(resource.remove)]
    if faults:
        raise ReapError(f"lab {lab}: {', '.join(map(_words, faults))}")


def _words(fault: Exception) -> str:
    """Without the system's number, which helps nobody."""
    if not isinstance(fault, OSError) or not fault.strerror:
        return str(fault)
    return f"{fault.filename}: {fault.strerror}" if fault.filename else fault.strerror


def _attempt(step: Callable[[], object]) -> list[Exception]:
    try:
        step()
    except FAULTS as fault:
        return [fault]
    return []


def _of(lab: str, source: Callable[[], Iterator[OwnedResource]]) -> tuple[OwnedResource, ...]:
    return tuple(resource for resource in source() if resource.lab == lab)


def _by_lab() -> Iterator[list[OwnedResource]]:
    found = sorted(resources.everything(), key=lambda resource: resource.lab)
    return (list(owned) for _, owned in groupby(found, lambda resource: resource.lab))


def _dead(owned: list[OwnedResource]) -> bool:
    try:
        return _proven_dead(owned)
    except LivenessUnknown:
        return False


def _proven_dead(owned: list[OwnedResource]) -> bool:
    """Tell whether the lab that *owned* belongs to is dead; raise ``LivenessUnknown`` when that cannot be told here."""
    folder = lease.LABS / owned[0].lab
    if folder.is_dir():
        return not (_unfinished(folder) or lease.state(folder) is not State.DEAD)
    if any(resource.kept and Creator.parse(resource.creator).since_boot() for resource in owned):
        return False
    return not (_creator_alive(resource.creator for resource in owned) or lease.opened(owned[0].lab))


def _creator_alive(creators: Iterable[str]) -> bool:
    known = {creator for creator in creators if creator}
    if not known:
        raise LivenessUnknown("its lease is not here, and nothing that it made says who made it")
    return any(Creator.parse(creator).alive() for creator in known)


def _unfinished(folder: Path) -> bool:
    """Tell whether its creator may be between making the folder and locking it."""
    if not folder.name.startswith(lease.UNFINISHED):
        return False
    try:
        age = time.time() - folder.stat().st_mtime
    except FileNotFoundError:
        return False
    return 0 < age < FINISHING  # a time that is still to come is of a clock that was set back
