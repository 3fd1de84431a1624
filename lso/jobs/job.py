"""What a worker is sent, and what comes back. Needs neither Dask nor a lab."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lso.bundles.archive import unpack


class Job(Protocol):
    """A scenario to run: its *id*, the *text* of its file, and the relative *path* that its result tells."""

    @property
    def id(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def path(self) -> str: ...


@dataclass(frozen=True)
class JobResult:
    """What a worker sends back of a run that has ended.

    *bundle* is its signed archive, empty where it left none; *words* are the last lines that it printed, with its exit
    code; *machine* is the worker's host name, *seconds* what the run took.
    """

    bundle: bytes
    words: str
    machine: str
    seconds: float


def unpacked(ran: JobResult, folder: Path) -> Path:
    """Unpack the run's bundle into the new *folder* and return the bundle, which is beside it.

    Raises BundleError or Altered for a bundle that cannot be read; then nothing is left.
    """
    bundle = folder.with_name(f"{folder.name}.bundle")
    folder.mkdir(parents=True)
    try:
        bundle.write_bytes(ran.bundle)
        unpack(bundle, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        bundle.unlink(missing_ok=True)
        raise
    return bundle
