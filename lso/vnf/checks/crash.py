"""Whether the product is at work again after each of its processes was killed."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator

from docker.errors import APIError

from lso.checking.judged import judged
from lso.vnf.faults import ProductFault
from lso.vnf.rig import BACK_SECONDS, Rig
from lso.vnf.session import Session
from lso.vnf.state import processes
from reports.model import Check
from testbed.errors import Ended
from testbed.polling import poll

PROCESS_1 = "process 1"
_APART = 1.0
"""Seconds between two looks: what is there at both is no program that an apply has just called."""


def run(session: Session) -> Iterator[Check]:
    """Kill process 1, then all processes of each other name."""
    rig = session.rig
    names = _lasting(rig)
    for name in (PROCESS_1, *names):
        try:
            seconds = _kill(rig, name)
        except ProductFault as fault:
            yield judged(f"kill -9 {name}", False, "at work again with its intent", str(fault))
            session.drop()
            rig = session.rig
            continue
        yield judged(f"kill -9 {name}", True, "at work again with its intent", f"after {seconds:.1f} s")


def _lasting(rig: Rig) -> list[str]:
    first = processes(rig)
    time.sleep(_APART)
    second = processes(rig)
    return sorted({name for pid, name in second.items() if pid in first and pid != rig.vnf.pid})


def _kill(rig: Rig, name: str) -> float:
    """Kill, and wait until others are in their place and the intent is in force; raises ProductFault."""
    container, intent = rig.vnf.container, rig.intent()
    began = time.monotonic()
    victims = poll(lambda: _pids(rig, name), BACK_SECONDS, 0.05)
    if not victims:
        raise ProductFault(f"{name} is gone after another process was killed")
    started = container.attrs["State"]["StartedAt"]
    for pid in victims:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if not poll(lambda: _pids(rig, name) - victims, BACK_SECONDS, 0.05):
        raise rig.ended() if not rig.runs() else ProductFault(f"{name} does not come back")
    if container.attrs["State"]["StartedAt"] != started:
        _plug(rig)
    rig.wait_ready(intent, BACK_SECONDS)
    if rig.carries() is False:
        raise ProductFault("it says that it is ready, but traffic does not pass")
    return time.monotonic() - began


def _pids(rig: Rig, name: str) -> set[int]:
    """The processes of that name; none while the container does not run."""
    try:
        first = rig.vnf.pid if rig.runs() else 0
        if name == PROCESS_1 or not first:
            return {first} - {0}
        return {pid for pid, found in processes(rig).items() if found == name and pid != first}
    except APIError:  # the container ended between the two looks
        return set()


def _plug(rig: Rig) -> None:
    """Wire the new container; it may end once more while that is done."""

    def plugged() -> bool:
        try:
            rig.plug()
        except (ProductFault, Ended):
            return False
        return True

    if not poll(plugged, BACK_SECONDS, 0.2):
        raise rig.ended()
