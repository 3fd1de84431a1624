"""A capability as a value; rendering is somebody else's business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Capability:
    """One thing that a lab needs or profits from.

    *best* is the best engine or state that is known, *chosen* what is used on this machine ("" for nothing), *works*
    whether that is enough, *reason* why it is not the best one (in the kernel's own words where it has any), *remedy*
    what to do about it. Nothing can run when a *required* one does not work.
    """

    name: str
    best: str
    chosen: str
    works: bool
    required: bool = False
    reason: str = ""
    remedy: str = ""


def choice(name: str, engines: Sequence[tuple[str, str | None]], *, remedy: str, required: bool = False) -> Capability:
    """Return the capability that is provided by the first of *engines* that has no fault.

    Each engine is a name with the reason why it does not work here (None: it works); the first one is the best.
    *remedy* says how to get the best one.
    """
    best = engines[0][0]
    chosen = next((engine for engine, fault in engines if fault is None), "")
    if chosen == best:
        return Capability(name, best, chosen, works=True, required=required)
    before = engines if not chosen else engines[: [engine for engine, _ in engines].index(chosen)]
    reason = "; ".join(f"{engine}: {fault}" for engine, fault in before)
    return Capability(name, best, chosen, works=bool(chosen), required=required, reason=reason, remedy=remedy)


def present(name: str, what: str, fault: str | None, *, remedy: str, required: bool = False) -> Capability:
    """Return a capability that is there as *what*, or not there for the reason *fault*."""
    if fault is None:
        return Capability(name, what, what, works=True, required=required)
    return Capability(name, what, "", works=False, required=required, reason=fault, remedy=remedy)
