"""Whether the status tells how long states live: the contract's defaults, and what an intent says instead."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lso.checking.judged import judged
from lso.vnf.rig import words
from lso.vnf.session import Session
from reports.model import Check
from testbed.images.recipes import PROJECT

SCHEMA = PROJECT / "vnfs" / "contract" / "firewall-intent.schema.json"
OTHER = {"udp": 33, "tcp_established": 700}


def run(session: Session) -> Iterator[Check]:
    """Apply an intent without time-outs, then one with some, which may be refused."""
    rig = session.rig
    properties = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"]["timeouts"]["properties"]
    defaults = {name: [one["default"]] for name, one in properties.items()}
    yield from _told("the defaults", defaults, rig.status())
    done = rig.apply(rig.intent({**session.kind.config, "timeouts": OTHER}))
    if done.returncode:
        refused = done.returncode == 2 and "firewall.timeouts" in done.stderr
        expected = "in force, or refused at firewall.timeouts"
        yield judged("others", refused, expected, f"exit code {done.returncode}: {words(done)}")
        yield from _told("the defaults after a refusal", defaults, rig.status())
    else:
        yield from _told("others", defaults | {name: [value] for name, value in OTHER.items()}, rig.status())
        rig.applied(rig.intent())
        yield from _told("the defaults again", defaults, rig.status())


def _told(name: str, wanted: dict[str, list[int]], state: dict[str, Any]) -> Iterator[Check]:
    found = state.get("timeouts") or {}
    wrong = "; ".join(
        f"{key}: {found.get(key)}, not {value}" for key, value in wanted.items() if found.get(key) != value
    )
    yield judged(name, not wrong, "told by the status", wrong or "told")
