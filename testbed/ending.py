"""End processes and be sure that they ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from pathlib import Path

from testbed import netns
from testbed.process import poll

PATIENCE = 2.0


def end_all(processes: Iterable[int]) -> None:
    """End *processes*, politely first, and wait until they are gone; those that are gone already are fine."""
    left = tuple(processes)
    for first in (signal.SIGTERM, signal.SIGKILL):
        left = tuple(process for process in left if _signal(process, first))
        if not left or poll(lambda pids=left: not any(map(_runs, pids)), PATIENCE):  # type: ignore[misc]
            return


def clear_namespace(path: Path) -> None:
    """End every process in the network namespace at *path* and remove it."""
    if identity := netns.identity(path):
        end_all(netns.inhabitants({identity}))
    netns.remove(path)


def _signal(process: int, number: signal.Signals) -> bool:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return False
    return True


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
