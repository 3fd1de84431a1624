"""Schemathesis throws what the published ordering and inventory files allow at the server, and more."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

import standards
from presto.mef.addresses import BASES
from presto.web.server import BackgroundServer, build_app

ROOT = Path(__file__).parents[3]
EXAMPLE: Any = json.loads(
    re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "presto-mef.md").read_text(encoding="utf-8"), re.DOTALL)[0]
)
EXAMPLES = os.environ.get("LSO_EXAMPLES", "10")
"""Of each operation and phase."""

TIMEOUT = 300 + 10 * int(EXAMPLES)

# A schema cannot say which orders make sense: what it allows may be refused by the statuses that are published for it.
CONFIGURATION = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 404, 422]
"""


def inventory() -> Any:
    """Two sites that nobody has started: every order that is accepted comes to its end at once."""
    endpoints = {"docker": "tcp://127.0.0.1:9", "ovsdb": "tcp:127.0.0.1:9", "openflow": "tcp:127.0.0.1:9"}
    sites = {"site-a": 1, "site-b": 2}
    wans = {
        name: [{"port": "wan0", "underlay": "internet", "address": f"198.51.100.{n}/24"}] for name, n in sites.items()
    }
    unis = [
        {
            "id": f"0000000{n}-0000-4000-8000-000000000000",
            "name": f"{name}-lan0",
            "ucpe": name,
            "port": "lan0",
            "prefix": f"10.{n}.0.0/24",
            "provider_address": f"10.{n}.0.1",
        }
        for name, n in sites.items()
    ]
    ucpes = [{"id": name, **endpoints, "bridge": "br-ucpe", "wan": wans[name]} for name in sites]
    return {"ucpes": ucpes, "unis": unis}


def ended(url: str, order_id: str) -> Any:
    deadline = time.monotonic() + 60
    while True:
        order = httpx.get(f"{url}/mefApi{BASES['ordering']}/serviceOrder/{order_id}").json()
        if order["state"] not in {"acknowledged", "inProgress"}:
            return order
        assert time.monotonic() < deadline, order
        time.sleep(0.02)


@pytest.mark.parametrize(("api", "operations"), [("ordering", 6), ("inventory", 5)])
def test_what_the_published_files_allow_is_answered_as_they_announce(tmp_path: Path, api: str, operations: int) -> None:
    pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    schema, sites = standards.FOLDER / standards.mef(api), tmp_path / "inventory.json"
    sites.write_text(json.dumps(inventory()), encoding="utf-8")
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION, encoding="utf-8")
    with BackgroundServer(build_app(sites, str(tmp_path / "presto.db"))) as server:
        placed = httpx.post(f"{server.url}/mefApi{BASES['ordering']}/serviceOrder", json=EXAMPLE)
        assert placed.status_code == 201, placed.text
        assert ended(server.url, placed.json()["id"])["state"] == "failed"
        command = [sys.executable, "-m", "schemathesis.cli", "run", str(schema)]
        command += ["--url", f"{server.url}/mefApi{BASES[api]}", "--checks", "all", "--seed", "1"]
        command += ["--phases", "examples,coverage,fuzzing,stateful", "--max-examples", EXAMPLES]
        command += ["--suppress-health-check", "all"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, cwd=tmp_path, check=False)
        assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-1000:]
        assert f"Tested: {operations}" in run.stdout, run.stdout[-3000:]
        print(run.stdout[-1500:])
        orders = httpx.get(f"{server.url}/mefApi{BASES['ordering']}/serviceOrder")
        assert orders.headers["X-Total-Count"] == "1", "no order out of noise was accepted"
        states = {order["state"] for order in orders.json()}
        assert states == {"failed"}
