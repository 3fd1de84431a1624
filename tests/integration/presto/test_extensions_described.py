"""Schemathesis throws at the extensions what their own description allows, and more, while a real order is in them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from presto.extensions.app import BASE
from presto.web.server import BackgroundServer, build_app

ROOT = Path(__file__).parents[3]
ORDER = json.loads((ROOT / "tests" / "unit" / "presto" / "order.json").read_text(encoding="utf-8"))
EXAMPLES = 10

# A schema cannot say which of the things that it allows are there: such answers are described, and no faults.
CONFIGURATION = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 404, 409, 412, 422, 428]

[checks.missing_required_header]
expected-statuses = [400, 404, 422, 428]
"""

# A stream without end is tested by its own tests.
LEFT_OUT = "^/event/stream$"


def inventory() -> Any:
    """Two sites that nobody has started: every order that is accepted comes to its end at once."""
    endpoints = {"docker": "tcp://127.0.0.1:9", "ovsdb": "tcp:127.0.0.1:9", "openflow": "tcp:127.0.0.1:9"}
    ucpes, unis = [], []
    for number, name in enumerate(("site-a", "site-b"), 1):
        wan = {"port": "wan0", "underlay": "internet", "address": f"198.51.100.{number}/24"}
        ucpes.append({"id": name, **endpoints, "bridge": "br-ucpe", "wan": [wan]})
        lan = {"port": "lan0", "prefix": f"10.{number}.0.0/24", "provider_address": f"10.{number}.0.1"}
        unis.append({"id": f"0000000{number}-0000-4000-8000-000000000000", "name": f"{name}-lan0", "ucpe": name, **lan})
    return {"ucpes": ucpes, "unis": unis}


def test_what_is_described_is_answered_as_described(tmp_path: Path) -> None:
    pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    sites = tmp_path / "inventory.json"
    sites.write_text(json.dumps(inventory()), encoding="utf-8")
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION, encoding="utf-8")
    with BackgroundServer(build_app(sites, str(tmp_path / "presto.db"))) as server:
        placed = httpx.post(f"{server.url}/restconf/operations/create-connectivity-service", json={"input": ORDER})
        assert placed.status_code == 200, placed.text
        until_ended(server.url)
        document = httpx.get(f"{server.url}{BASE}/openapi.json").json()
        operations = sum(len(methods) for path, methods in document["paths"].items() if not re.match(LEFT_OUT, path))
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}{BASE}/openapi.json"]
        command += ["--url", f"{server.url}{BASE}", "--checks", "all", "--seed", "1", "--exclude-path-regex", LEFT_OUT]
        command += ["--phases", "examples,coverage,fuzzing,stateful", "--max-examples", str(EXAMPLES)]
        command += ["--suppress-health-check", "all"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=900, cwd=tmp_path, check=False)
        assert run.returncode == 0, run.stdout[-12000:] + run.stderr[-1000:]
        assert f"Tested: {operations}" in run.stdout, run.stdout[-3000:]


def until_ended(url: str) -> None:
    deadline = time.monotonic() + 60
    while httpx.get(f"{url}{BASE}/service/acme").json()["state"] not in {"failed", "partial", "active"}:
        assert time.monotonic() < deadline
        time.sleep(0.02)
