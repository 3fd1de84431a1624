"""Nodes that Mininet makes at once, in a network whose other parts are planned first."""

from __future__ import annotations

import subprocess
from typing import Any

from testbed.containernet.long_commands import LongCommands
from testbed.containernet.plan import Plan


class EagerNode(LongCommands):
    """Mixin for nodes that Mininet makes at once: realises the plan before a command runs in them."""

    plan: Plan
    params: dict[str, Any]
    inNamespace: bool  # noqa: N815  (Mininet's name)

    def setDefaultRoute(self, intf: Any = None) -> Any:  # noqa: N802  (Mininet's name)
        """Set the default route, again when the node gets its address: it may have none yet."""
        if self.inNamespace and intf is not None:
            self.params["defaultRoute"] = intf
        return super().setDefaultRoute(intf)  # type: ignore[misc]

    def sendCmd(self, *args: Any, **kwargs: Any) -> None:  # noqa: N802  (Mininet's name)
        """Send a command to the shell and return at once."""
        self.plan.realize()
        super().sendCmd(*args, **kwargs)  # type: ignore[misc]

    def popen(self, *args: Any, **kwargs: Any) -> subprocess.Popen[Any]:
        """Start a process in the node, as ``subprocess.Popen`` would."""
        self.plan.realize()
        popen: subprocess.Popen[Any] = super().popen(*args, **kwargs)  # type: ignore[misc]
        return popen
