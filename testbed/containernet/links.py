"""Check what a script says of a link where it says it, before anything of the link is made."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from mininet.node import Node

from common.findings import nearest
from testbed.containernet.impairment_bridge import TIME
from testbed.host import kernel

_CORRELATION = r"(\s+\d+(\.\d+)?%)?"
_DISTRIBUTION = r"(\s+distribution\s+\w+)?"
NETEM_JITTER = re.compile(TIME.pattern + _CORRELATION + _DISTRIBUTION, TIME.flags)
NETEM_DELAY = re.compile(
    rf"{TIME.pattern}(\s+{TIME.pattern}{_CORRELATION}{_DISTRIBUTION})?", TIME.flags
)  # tc gets the words as they are, so a delay can bring its jitter
SHAPING = ("bw", "loss", "delay", "jitter")


def link_name(node1: Any, node2: Any) -> str:
    """Return what messages call the link of two nodes."""
    return f"link {node1} to {node2}"


def ends(nodes: Mapping[str, Any], node1: Any, node2: Any) -> list[Any]:
    """Return both nodes of a link, each given by itself or by its name; raise ``ValueError`` for one that is none."""
    found = [nodes.get(node) if isinstance(node, str) else node for node in (node1, node2)]
    for wanted, node in zip((node1, node2), found, strict=True):
        if not isinstance(node, Node):
            hint = f". {nearest(wanted, nodes)}" if isinstance(wanted, str) else ""
            raise ValueError(f"{link_name(node1, node2)}: there is no node {wanted}{hint}")
    return found


def check_shaping(where: str, options: Mapping[str, Any], *, netem: bool | None = None) -> None:
    """Raise ``ValueError`` for a bandwidth, loss, delay or jitter that cannot be; None asks for nothing.

    *netem*: whether the kernel has it, which takes more words than the engine in user space; None looks.
    """
    netem = kernel.has_netem() if netem is None else netem
    for option in SHAPING:
        value = options.get(option)
        if value is not None and (wrong := _wrong(option, value, netem=netem)):
            raise ValueError(f"{where}: {option}: {value!r} is {wrong}")


def per_cent(loss: Any) -> float:
    """Return a loss, such as 1, 0.5 or ``1%``, as a number; not a number when it is none."""
    return _number(loss.removesuffix("%") if isinstance(loss, str) else loss, text=True)


def _wrong(option: str, value: Any, *, netem: bool) -> str:
    if option == "bw":
        return (
            "" if 0 < _number(value) < math.inf else "no bandwidth: a number of Mbit/s above 0, such as 10 or 0.5, is"
        )
    if option == "loss":
        return "" if 0 <= per_cent(value) <= 100 else "no loss: a number of per cent from 0 to 100 is"
    longer = NETEM_DELAY if option == "delay" else NETEM_JITTER
    if not isinstance(value, bool) and (longer if netem else TIME).fullmatch(str(value).strip()):
        return ""
    return "no time: 10ms, 1s or 500us are"


def _number(value: Any, *, text: bool = False) -> float:
    if isinstance(value, bool) or (isinstance(value, str) and not text):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
