"""How the tests are shared out among several workers (`pytest --numprocesses=auto`), by hooks of pytest and xdist."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

TESTS = Path(__file__).parent
TOGETHER = (
    r"tests/integration/testbed/test_"
    r"(containernet|early_routes|ended_containers|ends_without_stop|links|planned_lines|reap|running_network)",
    r"tests/integration/orchestrator/",
    r"tests/e2e/(broken/|test_broken)",
)
"""Tests that stay on one worker: Mininet's names of switches and containers are the machine's own, others share a lab.

Of all others those of a file stay together.
"""
ORDER = (*TOGETHER, r"tests/e2e/test_commands", r"tests/(integration|e2e/(?!test_endurance))", r"tests/e2e/", "")
"""The longest come first, and the short tests without a lab fill the end."""
LAST_DUTIES = 60.0
"""Seconds that interrupted workers have, to take down their labs; by itself xdist kills them after ten."""


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist comes without types
    """Hands out groups of tests in the order of collection to whichever worker is free."""

    def _split_scope(self, nodeid: str) -> str:
        return next((start for start in TOGETHER if re.match(start, nodeid)), nodeid.partition("::")[0])


@pytest.hookimpl(optionalhook=True)  # of xdist, which `-p no:xdist` leaves out
def pytest_xdist_auto_num_workers() -> int:
    """One for each core: a third lab on two of them leaves none of the three time enough to be judged."""
    return max(2, len(os.sched_getaffinity(0)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    config.option.loadscopereorder = False
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: next(place for place, start in enumerate(ORDER) if re.match(start, item.nodeid)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if item.path.is_relative_to(TESTS / "unit"):
        return (yield)
    with laboratory(alone=item.get_closest_marker("alone") is not None):
        return (yield)


@contextlib.contextmanager
def laboratory(*, alone: bool) -> Iterator[None]:
    """Let others make labs and containers meanwhile, or wait until nobody does and keep all out.

    Who waits for being alone holds the door, so that newcomers do not overtake. Locks end with their process.
    """
    with _opened(TESTS / "e2e") as door, _opened(TESTS / "integration") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    number = os.open(folder, os.O_RDONLY)
    try:
        yield number
    finally:
        fcntl.flock(number, fcntl.LOCK_UN)  # whoever was forked meanwhile would keep the lock
        os.close(number)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Wait for workers that were interrupted too."""
    shared = session.config.pluginmanager.getplugin("dsession")
    if shared and exitstatus == pytest.ExitCode.INTERRUPTED:
        for gateway in shared.nodemanager.group:
            channel = gateway.node.channel
            with contextlib.suppress(EOFError, channel.RemoteError, channel.TimeoutError):
                channel.waitclose(LAST_DUTIES)
