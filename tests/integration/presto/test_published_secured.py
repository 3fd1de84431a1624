"""Schemathesis against the published files with authentication on: a token for every request, and none for some."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

import standards
from presto.auth.access import Access
from presto.auth.edit import add_client
from presto.auth.limits import Limits
from presto.auth.scopes import DEFAULT
from presto.docs.secured import SCHEME
from presto.mef.addresses import BASES
from presto.restconf.operations import OPERATIONS
from presto.web.server import BackgroundServer, build_app

from . import test_mef_published as mef
from . import test_published as poc

NO_LIMITS = Limits(rate=0, failures_a_minute=1e9, failures_at_once=10**9)
# Among all checks is `ignored_auth`: it asks each operation without the token and with a wrong one.
RUNS = {
    "restconf": ("/restconf", len(OPERATIONS), poc.CONFIGURATION),
    "ordering": (f"/mefApi{BASES['ordering']}", 6, mef.CONFIGURATION),
    "inventory": (f"/mefApi{BASES['inventory']}", 5, mef.CONFIGURATION),
}


def secured(face: str) -> Any:
    """The published file with what its published security variant adds: the scheme, and a scope for each operation."""
    document = poc.overlaid(strict=False) if face == "restconf" else standards.load(standards.mef(face))
    for path, methods in document["paths"].items():
        for operation in methods.values():
            scope = operation.get("operationId") or path.strip("/").rpartition("/")[2]
            operation["security"] = [{SCHEME: [scope]}]
            for status in (401, 403):
                operation["responses"].setdefault(str(status), {"description": "RFC 6750"})
    flow = {"tokenUrl": "/oauth2/token", "scopes": {DEFAULT: "all"}}
    if face == "restconf":
        document["securityDefinitions"] = {SCHEME: {"type": "oauth2", "flow": "application", **flow}}
    else:
        scheme = {"type": "oauth2", "flows": {"clientCredentials": flow}}
        document["components"]["securitySchemes"] = {SCHEME: scheme}
    return document


@pytest.mark.parametrize("face", RUNS)
def test_what_the_published_files_allow_is_answered_with_a_token(tmp_path: Path, face: str) -> None:
    pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    base, operations, configuration = RUNS[face]
    schema, sites, clients = (tmp_path / name for name in ("published.yaml", "inventory.json", "clients.yaml"))
    schema.write_text(yaml.safe_dump(secured(face)), encoding="utf-8")
    sites.write_text(json.dumps(mef.inventory()), encoding="utf-8")
    (tmp_path / "schemathesis.toml").write_text(configuration, encoding="utf-8")
    secret = add_client(clients, "fuzz", ["admin"], [], None, [], None)
    app = build_app(sites, str(tmp_path / "presto.db"), access=Access(clients, limits=NO_LIMITS))
    with BackgroundServer(app) as server:
        form = {"grant_type": "client_credentials", "client_id": "fuzz", "client_secret": secret}
        token = httpx.post(f"{server.url}/oauth2/token", data=form).json()["access_token"]
        header = {"authorization": f"Bearer {token}"}
        orders = f"{server.url}/mefApi{BASES['ordering']}/serviceOrder"
        assert httpx.post(orders, json=mef.EXAMPLE, headers=header).status_code == 201
        command = [sys.executable, "-m", "schemathesis.cli", "run", str(schema), "--url", server.url + base]
        command += ["--header", f"Authorization: Bearer {token}", "--checks", "all", "--seed", "1"]
        command += ["--phases", "examples,coverage,fuzzing", "--max-examples", mef.EXAMPLES]
        command += ["--suppress-health-check", "all"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=mef.TIMEOUT, cwd=tmp_path, check=False)
        assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-1000:]
        assert f"Tested: {operations}" in run.stdout, run.stdout[-3000:]
        assert httpx.get(orders, headers=header).headers["X-Total-Count"] == "1", "no order out of noise was accepted"
        assert httpx.get(orders).status_code == 401
