"""Mininet's NAT node, whose packet filter rules carry the lab's label, so that they can be found and removed."""

from __future__ import annotations

import re
from typing import Any

from testbed.containernet.eager import EagerNode

RULE = re.compile(r"iptables (-t \w+ )?-[AID] ")


class OwnedNat(EagerNode):
    """Mixin for Mininet NAT nodes; the machine's own settings for interfaces are left alone."""

    def cmd(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command; a rule for iptables gets the lab's label."""
        line = " ".join(str(word) for word in (args[0] if len(args) == 1 and isinstance(args[0], list) else args))
        if RULE.match(line):
            comment = f"-m comment --comment {self.plan.owner.alias}"
            args = (f"{line.replace('iptables', 'iptables -w', 1)} {comment}",)
        return super().cmd(*args, **kwargs)  # type: ignore[misc]

    def setManualConfig(self, intf: Any) -> None:  # noqa: N802  (Mininet's name)
        """Do nothing: Mininet would write into /etc/network/interfaces, for good."""
