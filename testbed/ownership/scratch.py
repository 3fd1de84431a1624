"""Folders for what goes through, such as the report of a run on its way to another machine, owned as labs are.

A lease holds each (:mod:`testbed.ownership.lease`): whoever comes next removes those whose owners were killed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testbed.ownership import lease
from testbed.ownership.lease import Lease, LeaseError

FOLDERS = Path("/var/lib/lso-testbed/scratch")


@contextmanager
def scratch(folders: Path = FOLDERS) -> Iterator[Lease]:
    """Yield the lease of a new folder, which goes with the block; who inherits its descriptor owns it too."""
    held = Lease.create("scratch", folders)
    try:
        yield held
    finally:
        held.end()


def dead(folders: Path = FOLDERS) -> tuple[Path, ...]:
    """Return the folders whose owners have ended without removing them."""
    return tuple(folder for folder in lease.folders(folders) if lease.state(folder) is lease.State.DEAD)


def remove_dead(folders: Path = FOLDERS) -> tuple[Path, ...]:
    """Remove those folders and return them."""
    removed = []
    for folder in dead(folders):
        with contextlib.suppress(LeaseError):  # somebody else has just begun to remove it
            Lease.adopt(folder).end()
            removed.append(folder)
    return tuple(removed)
