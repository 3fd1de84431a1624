"""Delay and loss on a link where the kernel has no ``netem``: a bridge in its middle, impaired by wirefilter (VDE).

::

    node ── "a" │ bridge in a namespace of its own │ "b" ── node

What leaves by "b" came from the left node, so what the left interface shall do to its packets is done there.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed.host.namespace import Namespace
from testbed.host.termination import clear_namespace
from testbed.impairment.impairer import Impairer
from testbed.impairment.model import ip
from testbed.spec.model import Impairment

if TYPE_CHECKING:
    from testbed.containernet.plan import Plan

OPTIONS = ("delay", "jitter", "loss")
_NUMBER = r"((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)"
TIME = re.compile(rf"{_NUMBER}\s*(us|usec|usecs|ms|msec|msecs|s|sec|secs|)", re.IGNORECASE)
UNITS = {"": 1e-3, "u": 1e-3, "m": 1.0, "s": 1e3}  # of milliseconds; a bare number is microseconds, as for tc


class ImpairmentBridge:
    """A bridge in a namespace of its own, in the middle of one link; its ports are called ``a`` and ``b``."""

    inNamespace = True  # noqa: N815  (Mininet's name)

    def __init__(self, plan: Plan, name: str) -> None:
        self.plan = plan
        self.name = name
        self.namespace: Namespace | None = None
        self._wanted: dict[str, Impairment] = {}

    def make(self) -> None:
        """Make the namespace and its bridge."""
        self.namespace = made = self.plan.owner.make_namespace(self.name)
        ip(
            made,
            "link add name br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
            "link set dev br0 up",
        )

    def plug(self) -> None:
        """Add both ends to the bridge and apply the impairments requested so far."""
        if self.namespace:
            ip(self.namespace, *(f"link set dev {port} master br0 up" for port in "ab"))
        for port in self._wanted:
            self._apply(port)

    def impair(self, port: str, options: Mapping[str, Any]) -> None:
        """Impair the packets that leave by *port* as Mininet's *options* say, now or when it is made."""
        self._wanted[port] = impairment(options)
        self._apply(port)

    def remove(self) -> None:
        """Remove the namespace with all that is in it."""
        if self.namespace:
            clear_namespace(Path(self.namespace.path))
            self.namespace = None

    def _apply(self, port: str) -> None:
        if self.namespace:
            owner = self.plan.owner
            impairer = Impairer(self.namespace, owner.folder / "wires" / self.name, lab=owner.lab)
            impairer.apply(port, self._wanted[port])


def available() -> bool:
    """Tell whether this machine has wirefilter."""
    return shutil.which("wirefilter") is not None


def impairment(options: Mapping[str, Any]) -> Impairment:
    """Return what Mininet's *options* ask for; raise ``ValueError`` for what tc would refuse too."""
    return Impairment(
        delay_ms=milliseconds(options.get("delay") or 0),
        jitter_ms=milliseconds(options.get("jitter") or 0),
        loss_percent=float(str(options.get("loss") or 0).rstrip("%")),
    )


def milliseconds(value: Any) -> float:
    """Return a time as tc writes it, such as ``10ms``, in milliseconds; raise ``ValueError`` for anything else."""
    found = TIME.fullmatch(str(value).strip())
    if not found:
        raise ValueError(f"{value!r} is no time: 10ms, 1s or 500us are")
    return float(found[1]) * UNITS[found[2][:1].lower()]
