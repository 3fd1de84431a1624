"""Whether the container stops on SIGTERM, and is as before when it is started again."""

from __future__ import annotations

import time
from collections.abc import Iterator

from lso.checking.judged import judged, noted
from lso.vnf.rig import BACK_SECONDS
from lso.vnf.session import Session
from lso.vnf.traffic import traffic
from reports.model import Check

STOP_SECONDS = 5.0
"""Two, and room for a busy machine."""
GRACE_SECONDS = 10
"""After which the Docker Engine kills."""
KILLED = 137


def run(session: Session) -> Iterator[Check]:
    """Stop and start the container."""
    rig = session.rig
    intent = rig.intent()
    began = time.monotonic()
    rig.vnf.container.stop(timeout=GRACE_SECONDS)
    seconds = time.monotonic() - began
    rig.vnf.container.reload()
    killed = rig.vnf.container.attrs["State"]["ExitCode"] == KILLED
    told = f"SIGKILL after {GRACE_SECONDS} s" if killed else f"{seconds:.1f} s"
    yield judged("stop", not killed and seconds < STOP_SECONDS, f"SIGTERM ends it within {STOP_SECONDS:.0f} s", told)
    began = time.monotonic()
    rig.vnf.container.start()
    rig.plug()  # later than the start, as it is on a uCPE
    rig.wait_ready(intent, BACK_SECONDS)
    yield noted("ready again", f"after {time.monotonic() - began:.1f} s, with the intent from before")
    yield from traffic(rig, "traffic after the restart")
