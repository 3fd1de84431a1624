"""Schemathesis throws what the published notification files allow at the listener twin, and more.

`LSO_EXAMPLES=300` makes it as long as a release needs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import standards
from presto.web.server import BackgroundServer
from presto_api.mef.notifications import Notification
from presto_client.listener import create_listener

EXAMPLES = os.environ.get("LSO_EXAMPLES", "25")
BASES = {
    "ordering": "/mefApi/legato/serviceOrderingNotification/v6",
    "inventory": "/mefApi/legato/serviceInventoryNotification/v7",
}


@pytest.mark.parametrize("api", list(BASES))
def test_the_listener_answers_as_the_published_files_announce(tmp_path: Path, api: str) -> None:
    pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    schema = standards.FOLDER / standards.mef(api, "notification")
    taken: list[Notification] = []

    async def take(event: Notification) -> None:
        taken.append(event)

    with BackgroundServer(create_listener(take)) as server:
        command = [sys.executable, "-m", "schemathesis.cli", "run", str(schema)]
        command += ["--url", server.url + BASES[api], "--checks", "all", "--seed", "1"]
        command += ["--phases", "examples,coverage,fuzzing,stateful", "--max-examples", EXAMPLES]
        command += ["--suppress-health-check", "all"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=1800, cwd=tmp_path, check=False)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-1000:]
    assert "Tested: 4" in run.stdout, run.stdout[-3000:]
    assert len({event.event_type for event in taken}) == 4, "events of every type were right, and were taken"
