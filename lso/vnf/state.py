"""What a product has made of a container, in a form in which two states can be compared."""

from __future__ import annotations

import difflib
import re
import subprocess
from collections.abc import Mapping
from typing import Any

from lso.vnf.rig import Rig

LISTINGS = (
    ("nft", "-s", "-t", "list", "ruleset"),
    *((f"{family}tables-legacy-save",) for family in ("ip", "ip6")),
    ("ip", "-o", "address", "show"),
    ("ip", "-o", "link", "show"),
    ("ip", "rule", "show"),
    ("ip", "route", "show", "table", "all"),
    ("ip", "xfrm", "policy", "show"),
    ("tc", "qdisc", "show"),
    ("tc", "filter", "show"),
)
_CHANGES = re.compile(
    r"^#.*\n|\[\d+:\d+\]|valid_lft \S+|preferred_lft \S+|state \S+|expires \S+|NO-CARRIER,|,LOWER_UP", re.MULTILINE
)
"""Comments with the time, counters, and what the kernel alone decides."""


def network_state(rig: Rig) -> list[str]:
    """The packet filters, links, addresses and routes of the container, a line each."""
    lines: list[str] = []
    for listing in LISTINGS:
        try:
            printed = rig.vnf.namespace.run(listing, check=False).stdout
        except (FileNotFoundError, subprocess.TimeoutExpired):
            continue
        lines += [f"{listing[0]}: {line}" for line in _CHANGES.sub("", printed).splitlines() if line.strip()]
    return lines


def processes(rig: Rig) -> dict[int, str]:
    """The processes of the container, process 1 first: number outside of it → name."""
    listed = rig.vnf.container.top(ps_args="-eo pid,comm")["Processes"] or []
    return {int(pid): name for pid, name in listed}


def shape(value: Any) -> Any:
    """A status without its numbers, which go on while nothing changes."""
    if isinstance(value, Mapping):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return 0 if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def difference(before: list[str], after: list[str]) -> str:
    """The first lines that came and went; empty when nothing did."""
    changes = [line for line in difflib.ndiff(before, after) if line[:1] in "+-"]
    more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
    return "; ".join(" ".join(line.split())[:120] for line in changes[:3]) + more
