"""Schemathesis throws what the published file allows at the server, and more; the answers must be what it announces.

`LSO_EXAMPLES=300 pytest tests/integration/presto/test_published.py` is the long run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

import standards
from orchestrator.service import Orchestrator
from orchestrator.southbound.memory import MemorySouthbound
from orchestrator.southbound.memory_inventory import memory_inventory
from presto.domain.settings import Settings
from presto.persistence.store import Store
from presto.persistence.tables import database_url, open_engine
from presto.restconf.operations import OPERATIONS
from presto.service.core import Core
from presto.web.app import create_app
from presto.web.server import BackgroundServer

ROOT = Path(__file__).parents[3]
ORDER = json.loads((ROOT / "tests" / "unit" / "presto" / "order.json").read_text(encoding="utf-8"))
EXAMPLES = int(os.environ.get("LSO_EXAMPLES", "10"))

# What the published file leaves out: it has one status for everything that goes wrong, 400. Strict mode needs none.
STATUSES = {
    404: "RFC 8040 section 7: nothing of that name",
    406: "RFC 8040 section 5.2: no media type in common",
    409: "RFC 8040 section 7: in use, or there already",
    413: "RFC 8040 section 7: the body is too big",
    415: "RFC 8040 section 5.2: not a media type of this API",
}

# A schema of strings cannot say which of them name anything: what it allows may be refused by the published status.
CONFIGURATION = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 404, 409]
"""

# The published file has no links, so a stateful run would not know what leads to what. Source → (target, its input).
_AT = "$response.body#/output"
_SEPS = [{"service-interface-point": {"service-interface-point-uuid": f"{_AT}/sip/{number}/uuid"}} for number in (2, 3)]
_TOPOLOGY = {"topology-id-or-name": f"{_AT}/topology/uuid"}
_SERVICE = {"service-id-or-name": f"{_AT}/service/uuid"}
_CONNECTION = {"connection-id-or-name": f"{_AT}/service/connection/0/connection-uuid"}
_FIRST = {"service-id-or-name": f"{_AT}/service/0/uuid"}
_PATH = {"path-id-or-name": f"{_AT}/service/uuid"}
LINKS: dict[str, list[tuple[str, Any]]] = {
    "get-service-interface-point-list": [
        ("get-service-interface-point-details", {"sip-id-or-name": f"{_AT}/sip/0/uuid"}),
        ("create-connectivity-service", {"end-point": _SEPS, "swvc-service-attributes": {"swvc-identifier": "linked"}}),
        ("compute-p-2-p-path", {"sep": _SEPS}),
        ("update-service-interface-point", {"sip-id-or-name": f"{_AT}/sip/4/uuid", "state": "UNLOCKED"}),
    ],
    "create-connectivity-service": [
        ("get-connectivity-service-details", _SERVICE),
        ("update-connectivity-service", {**_SERVICE, "state": "LOCKED"}),
        ("get-connection-details", {**_SERVICE, **_CONNECTION}),
        ("delete-connectivity-service", _SERVICE),
    ],
    "update-connectivity-service": [("delete-connectivity-service", _SERVICE)],
    "get-connectivity-service-list": [
        ("get-connectivity-service-details", _FIRST),
        ("get-topology-details", {"topology-id-or-name": f"{_AT}/service/0/swvc-service-attributes/swvc-identifier"}),
        (
            "get-connection-details",
            {**_FIRST, "connection-id-or-name": f"{_AT}/service/0/connection/0/connection-uuid"},
        ),
    ],
    "get-topology-list": [
        ("get-topology-details", {"topology-id-or-name": f"{_AT}/topology/{number}/uuid"}) for number in (0, 1)
    ],
    "get-topology-details": [
        ("get-node-details", {**_TOPOLOGY, "node-id-or-name": f"{_AT}/topology/node/0/uuid"}),
        ("get-link-details", {**_TOPOLOGY, "link-id-or-name": f"{_AT}/topology/link/0/uuid"}),
        (
            "get-node-edge-point-details",
            {
                **_TOPOLOGY,
                "node-id-or-name": f"{_AT}/topology/node/0/uuid",
                "ep-id-or-name": f"{_AT}/topology/node/0/owned-node-edge-point/1/uuid",
            },
        ),
    ],
    "compute-p-2-p-path": [("optimize-p-2-p-path", _PATH), ("delete-p-2-p-path", _PATH)],
    "optimize-p-2-p-path": [
        ("delete-p-2-p-path", {"path-id-or-name": f"{_AT}/service/path/0/path-uuid"}),
    ],
}


def overlaid(*, strict: bool) -> Any:
    document = standards.load(standards.PRESTO)
    for path, methods in document["paths"].items():
        responses = methods["post"]["responses"]
        if not strict:
            responses.update({status: {"description": reason} for status, reason in STATUSES.items()})
        if links := LINKS.get(path.split("/")[2]):
            responses[200]["x-links"] = {
                f"{number} {target}": _link(target, given) for number, (target, given) in enumerate(links)
            }
    return document


def _link(target: str, given: Any) -> Any:
    reference = f"#/paths/~1operations~1{target}~1/post"
    return {"operationRef": reference, "requestBody": {"input": given}, "x-schemathesis": {"merge_body": False}}


@pytest.fixture(params=[False, True], ids=["with our additions", "strict"])
def strict(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def url(tmp_path: Path, strict: bool) -> Iterator[str]:
    """A server over uCPEs in memory, with an order that is active."""
    inventory, database = memory_inventory(6), str(tmp_path / "presto.db")
    southbound = MemorySouthbound(inventory)
    orchestrator = Orchestrator(inventory, database_url(database), connect=southbound.connect, ended=southbound.ended)
    core = Core(inventory, Store(open_engine(database)), orchestrator, Settings(strict=strict))
    with BackgroundServer(create_app(core)) as server:
        yield f"{server.url}/restconf"
    southbound.close()


def call(url: str, operation: str, values: Any = None) -> Any:
    content = None if values is None else json.dumps({"input": values})
    headers = {"content-type": "application/yang-data+json"} if content else {}
    answer = httpx.post(f"{url}/operations/{operation}/", content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["output"]


def place_order(url: str) -> None:
    """Order `acme` between the first two sites and wait until it is active."""
    unis = [sip["uuid"] for sip in call(url, "get-service-interface-point-list")["sip"]]
    for end_point, uni in zip(ORDER["end-point"], unis, strict=False):
        end_point["service-interface-point"] = {"service-interface-point-uuid": uni}
        end_point["swvc-endpoint-attributes"].pop("endpoint-uni", None)
    call(url, "create-connectivity-service", ORDER)
    deadline = time.monotonic() + 30
    while services(url) != {"acme": "INSTALLED"}:
        assert time.monotonic() < deadline, "the order does not come to its end"
        time.sleep(0.02)


def services(url: str) -> dict[str, str]:
    """Identifier → lifecycle state of all services."""
    listed = call(url, "get-connectivity-service-list")["service"]
    return {it["swvc-service-attributes"]["swvc-identifier"]: it["lifecycle-state"] for it in listed}


def test_what_the_published_file_allows_is_answered_as_it_announces(url: str, strict: bool, tmp_path: Path) -> None:
    pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    schema = tmp_path / "presto-sdwan.yaml"
    schema.write_text(yaml.safe_dump(overlaid(strict=strict)), encoding="utf-8")
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION, encoding="utf-8")
    place_order(url)
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(schema), "--url", url, "--checks", "all"]
    command += ["--phases", "examples,coverage,fuzzing,stateful", "--max-examples", str(EXAMPLES), "--seed", "1"]
    command += ["--suppress-health-check", "all"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=3600, cwd=tmp_path, check=False)
    print(run.stdout[-3000:], flush=True)
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-1000:]
    assert f"Tested: {len(OPERATIONS)}" in run.stdout, run.stdout[-3000:]
    assert services(url)["acme"] == "INSTALLED"
    assert services(url).keys() <= {"acme", "linked"}, "no order out of noise was accepted"
