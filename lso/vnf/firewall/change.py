"""What a new intent does to open connections and to counters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lso.checking.judged import judged
from lso.vnf.firewall.cases import sent
from lso.vnf.firewall.wire import BYTES, Wire
from lso.vnf.firewall.wire_table import wire
from lso.vnf.session import Session
from reports.model import Check

OWN = 19000
"""The client's port."""


def _rule(name: str, action: str = "allow", **match: Any) -> dict[str, Any]:
    return {"id": name, "action": action, "direction": "lan-to-wan", "protocol": "tcp", **match}


WEB, OTHER_WEB = _rule("web", destination_ports=["80"]), _rule("other", destination_ports=["81"])
DENY = _rule("first", "deny", destination_ports=["81"])


def run(session: Session) -> Iterator[Check]:
    """Open two connections, forbid one of them."""
    with wire(session) as (_, through):
        through.make({"default": "deny", "rules": [WEB, OTHER_WEB]})
        for port in (80, 81):
            opened = [
                _passes(through, f"lan tcp p>{port} S"),
                _passes(through, f"wan tcp {port}>p SA"),
                _passes(through, f"lan tcp p>{port} A"),
            ]
            yield judged(f"a connection to port {port}", all(opened), "three packets pass", f"{sum(opened)} did")
        before = through.count()
        through.make({"default": "deny", "rules": [DENY, WEB, OTHER_WEB]})
        after = through.count()
        kept = {name + unit: before[name + unit] for name in ("web", "other") for unit in ("", BYTES)}
        yield judged("counters of unchanged rules", kept.items() <= after.items(), _told(kept), _told(after))
        yield judged("the counter of a new rule", after.get("first") == 0, "0", str(after.get("first")))
        for line, allowed in (
            ("wan tcp 80>p A", True), ("lan tcp p>80 A", True), ("lan tcp p>81 A", False), ("wan tcp 81>p A", False),
        ):  # fmt: skip
            passed = _passes(through, line, allowed)
            words = {True: "passes", False: "is dropped"}
            yield judged(f"{line!r} after the change", passed == allowed, words[allowed], words[passed])


def _passes(through: Wire, line: str, expected: bool = True) -> bool:
    return bool(through.send(sent(line, "default", OWN), expected))


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
