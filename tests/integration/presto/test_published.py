"""Schemathesis throws what the published file allows at the server, and more; the answers must be what it announces."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from presto.restconf.operations import OPERATIONS
from presto.server import BackgroundServer, build_app

ROOT = Path(__file__).parents[3]
PUBLISHED = ROOT.parent / "shared" / "standards" / "presto-sdwan" / "presto-sdwan.yaml"
ORDER = json.loads((ROOT / "tests" / "unit" / "presto" / "order.json").read_text(encoding="utf-8"))

# What the published file leaves out: it has one status for everything that goes wrong, 400.
OVERLAY = {
    404: "RFC 8040 section 7: nothing of that name",
    406: "RFC 8040 section 5.2: no media type in common",
    409: "RFC 8040 section 7: in use, or there already",
    413: "RFC 8040 section 7: the body is too big",
    415: "RFC 8040 section 5.2: not a media type of this API",
}
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "unsupported_method",
)


def overlaid() -> Any:
    document = yaml.safe_load(PUBLISHED.read_text(encoding="utf-8"))
    for path in document["paths"].values():
        path["post"]["responses"].update({status: {"description": reason} for status, reason in OVERLAY.items()})
    return document


def unreachable_inventory() -> Any:
    """Two sites that nobody has started: every order that is accepted comes to its end at once."""
    endpoints = {"docker": "tcp://127.0.0.1:9", "ovsdb": "tcp:127.0.0.1:9", "openflow": "tcp:127.0.0.1:9"}
    sites = {"site-a": 1, "site-b": 2}
    ucpes = [
        {
            "id": name,
            **endpoints,
            "bridge": "br-ucpe",
            "wan": [{"port": "wan0", "underlay": "internet", "address": f"198.51.100.{number}/24"}],
        }
        for name, number in sites.items()
    ]
    unis = [
        {
            "id": f"0000000{number}-0000-4000-8000-000000000000",
            "name": f"{name}-lan0",
            "ucpe": name,
            "port": "lan0",
            "prefix": f"10.{number}.0.0/24",
            "provider_address": f"10.{number}.0.1",
        }
        for name, number in sites.items()
    ]
    return {"ucpes": ucpes, "unis": unis}


def test_what_the_published_file_allows_is_answered_as_it_announces(tmp_path: Path) -> None:
    pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    schema, inventory = tmp_path / "presto-sdwan.yaml", tmp_path / "inventory.json"
    schema.write_text(yaml.safe_dump(overlaid()), encoding="utf-8")
    inventory.write_text(json.dumps(unreachable_inventory()), encoding="utf-8")
    built = "|".join(re.escape(name) for name, operation in OPERATIONS.items() if operation.handler)
    with BackgroundServer(build_app(inventory, str(tmp_path / "presto.db"))) as server:
        url = f"{server.url}/restconf"
        assert httpx.post(f"{url}/operations/create-connectivity-service", json={"input": ORDER}).status_code == 200
        command = [sys.executable, "-m", "schemathesis.cli", "run", str(schema), "--url", url]
        command += ["--checks", ",".join(CHECKS), "--phases", "coverage,fuzzing", "--max-examples", "10"]
        command += [
            "--include-path-regex",
            f"^/operations/({built})/$",
            "--suppress-health-check",
            "all",
            "--seed",
            "1",
        ]
        run = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path, check=False)
        assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-1000:]
        assert f"Tested: {sum(operation.handler is not None for operation in OPERATIONS.values())}" in run.stdout
        listed = httpx.post(f"{url}/operations/get-connectivity-service-list").json()["output"]["service"]
        assert len(listed) <= 1, "no order out of noise was accepted"
