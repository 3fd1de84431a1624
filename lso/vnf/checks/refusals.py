"""Whether each bad intent is refused with its place, and leaves everything as it was."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

from lso.checking.judged import judged
from lso.vnf.kinds import Bad
from lso.vnf.rig import Rig, words
from lso.vnf.session import Session
from lso.vnf.state import shape
from lso.vnf.traffic import traffic
from reports.model import Check


def run(session: Session) -> Iterator[Check]:
    """Hand over one bad intent after the other."""
    rig = session.rig
    before = rig.status()
    yield _refused(rig, "no JSON", "{", "")
    for bad in session.kind.bad:
        place = notation(bad.path or bad.place) if bad.value is not None else ""  # what is missing has no place
        yield _refused(rig, bad.what, json.dumps(spoilt(rig.intent(), bad)), place)
    after = rig.status()
    kept = before.get("intent_sha256") == after.get("intent_sha256")
    yield judged("the intent in force", kept, str(before.get("intent_sha256")), str(after.get("intent_sha256")))
    yield judged("the status", shape(before) == shape(after), "as before, but for counts", "it changed")
    yield from traffic(rig, "what was allowed still passes")


def spoilt(intent: dict[str, Any], bad: Bad) -> dict[str, Any]:
    """Return a copy of *intent* with what is *bad* in it."""
    whole = copy.deepcopy(intent)
    node: Any = whole
    *parents, last = (int(step) if step.isdigit() else step for step in bad.place.split("."))
    for step in parents:
        node = node[step]
    if bad.value is None:
        del node[last]
    else:
        node[last] = bad.value
    return whole


def notation(place: str) -> str:
    """Return a place as refusals name it: `firewall.rules[0].action`."""
    return re.sub(r"\.(\d+)", r"[\1]", place)


def _refused(rig: Rig, what: str, text: str, path: str) -> Check:
    """Whether the intent is refused; a place above or below the one that is wrong is good enough."""
    done = rig.apply(text)
    expected = f"exit code 2 and an error at {path or 'any place'}"
    if done.returncode != 2:
        return judged(what, False, expected, f"exit code {done.returncode}: {words(done)}")
    try:
        refusal = json.loads(done.stderr)
        error, named = refusal["error"], refusal["path"]
    except (ValueError, TypeError, KeyError):
        return judged(what, False, expected, f"stderr is no {{error, path}}: {words(done)}")
    whole = isinstance(error, str) and bool(error) and isinstance(named, str)
    here = not path or (bool(named) and (path.startswith(named) or named.startswith(path)))
    return judged(what, whole and here, expected, f"{named!r}: {error}"[:200])
