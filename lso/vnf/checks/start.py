"""The first moments: a status before any intent, then an intent in several forms of the same JSON."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

from lso.checking.judged import judged
from lso.vnf.faults import ProductFault
from lso.vnf.rig import digest, words
from lso.vnf.session import Session
from lso.vnf.traffic import traffic
from reports.model import Check


def run(session: Session) -> Iterator[Check]:
    """Judge the product before it has an intent."""
    rig = session.fresh()
    state = rig.status()
    found = rig.findings(state, None)
    yield judged(
        "status by the schema", not found, f"{session.kind.name}-status.schema.json", "; ".join(found) or "it is"
    )
    for name, value in (("ready", False), ("intent_sha256", None)):
        yield judged(
            f"{name} without an intent", state.get(name) == value, json.dumps(value), json.dumps(state.get(name))
        )


def apply(session: Session) -> Iterator[Check]:
    """Judge the status after good intents; the same content in other octets has another digest."""
    rig = session.fresh()
    intent = rig.intent()
    texts = {
        "an intent": json.dumps(intent),
        "the same, indented": json.dumps(intent, indent=2) + "\n",
        "another intent": json.dumps(rig.intent(session.kind.other)),
        "the first one again": json.dumps(intent),
    }
    for name, text in texts.items():
        done = rig.apply(text)
        yield judged(f"{name}: exit code", done.returncode == 0, "0", f"{done.returncode}: {words(done)}")
        if done.returncode == 0:
            with contextlib.suppress(ProductFault):
                rig.wait_ready(text)
        state = rig.status()
        found = rig.findings(state, text)
        yield judged(
            f"{name}: status", not found, f"in force, digest {digest(text)[:12]}…", "; ".join(found) or "it is"
        )
    yield from traffic(rig, "what the intent allows passes")
