"""Whether what the good intent of a kind allows comes through, as a check."""

from __future__ import annotations

from collections.abc import Iterator

from lso.checking.judged import judged
from lso.vnf.rig import Rig
from reports.model import Check


def traffic(rig: Rig, name: str) -> Iterator[Check]:
    """Send what is allowed; a kind that needs a peer for that has checks of its own."""
    if (carried := rig.carries()) is not None:
        yield judged(name, carried, "a packet arrives", "one did" if carried else "none did")
