"""End processes and wait until they have ended."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from testbed.host import netns
from testbed.polling import poll

TIMEOUT = 2.0  # seconds after each signal


def terminate(processes: Iterable[int]) -> None:
    """End *processes* by SIGTERM, then SIGKILL, and wait until they have ended; ignore those that have already.

    Each is signalled through a pidfd, so a process that gets the same number meanwhile is not.
    """
    with ExitStack() as stack:
        left = [descriptor for process in processes for descriptor in _held(process, stack)]
        for first in (signal.SIGTERM, signal.SIGKILL):
            left = [descriptor for descriptor in left if _signal(descriptor, first)]
            if not left or poll(lambda held=left: not any(map(_runs, held)), TIMEOUT):  # type: ignore[misc]
                return


def clear_namespace(path: Path) -> None:
    """End every process in the network namespace at *path* and remove it."""
    if identity := netns.identity(path):
        terminate(netns.inhabitants({identity}))
    netns.remove(path)


def _held(process: int, stack: ExitStack) -> list[int]:
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return []
    stack.callback(os.close, descriptor)
    return [descriptor]


def _signal(descriptor: int, number: signal.Signals) -> bool:
    try:
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    return True


def _runs(descriptor: int) -> bool:
    looked = select.poll()
    looked.register(descriptor, select.POLLIN)
    return not looked.poll(0)  # readable once it has ended, also before it is waited for
