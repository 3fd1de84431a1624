"""Whether a second apply of the same intent changes anything: state, processes, counters, files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lso.checking.judged import judged
from lso.vnf.rig import words
from lso.vnf.session import Session
from lso.vnf.state import difference, network_state, processes, shape
from reports.model import Check
from testbed.polling import poll

TIMES = 3
_SETTLING = 5.0
"""Seconds in which a helper process of an apply may still end."""


def run(session: Session) -> Iterator[Check]:
    """Apply the intent that is in force again and again, and look for differences."""
    rig = session.rig
    rig.carries()
    before, state, running = rig.status(), network_state(rig), sorted(processes(rig).values())
    for number in range(2, 2 + TIMES):
        done = rig.apply(rig.intent())
        if done.returncode:
            yield judged(f"apply number {number}", False, "exit code 0", f"{done.returncode}: {words(done)}")
            session.drop()
            return
    yield judged(f"{TIMES} more times", True, "exit code 0", "0")
    after = rig.wait_ready(rig.intent())
    yield judged(
        "the status", shape(before) == shape(after), "as before, but for counts", _differs(before, after) or "as before"
    )
    lost = [name for name, count in counts(before).items() if counts(after).get(name, 0) < count]
    yield judged("counters", not lost, "none is less than before", ", ".join(lost) or "none is")
    changed = difference(state, network_state(rig))
    yield judged("packet filters, links, addresses and routes", not changed, "as before", changed or "as before")

    def settled() -> bool:
        return sorted(processes(rig).values()) == running

    poll(settled, _SETTLING, 0.1)
    now = sorted(processes(rig).values())
    yield judged("processes", now == running, " ".join(running), " ".join(now))


def counts(state: Any, path: str = "") -> dict[str, int]:
    """The packets and bytes of a status, by their places; those of flows and peers come and go by themselves."""
    found: dict[str, int] = {}
    if isinstance(state, Mapping):
        name = state.get("id") or path
        for key, value in state.items():
            if key in {"packets", "bytes"} and isinstance(value, int):
                found[f"{name}.{key}"] = value
            elif key not in {"flows", "peers"}:
                found |= counts(value, f"{path}.{key}".strip("."))
    elif isinstance(state, list):
        for number, value in enumerate(state):
            found |= counts(value, f"{path}[{number}]")
    return found


def _differs(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    return ", ".join(key for key in before if shape(before[key]) != shape(after.get(key)))
