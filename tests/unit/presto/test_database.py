"""What PostgreSQL does that SQLite does not: it goes away and comes back, and it takes no text with NUL in it."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from orchestrator.intent import Role
from orchestrator.store import Store as OrchestratorStore
from presto.service import pipeline

ROOT = Path(__file__).parents[3]
ORDERING = "/mefApi/legato/serviceOrderingManagement/v6"
EXAMPLE: Any = json.loads(
    (ROOT / "docs/presto-mef.md").read_text(encoding="utf-8").split("```json\n")[1].split("```")[0]
)

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
on_both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def outage(postgresql_server: Any) -> Iterator[Callable[[], None]]:
    """Ends the server; it is back after the test at the latest."""
    yield postgresql_server.stop
    if not postgresql_server.running:
        postgresql_server.start()


@on_postgresql
@pytest.mark.asyncio
async def test_a_database_that_goes_away_and_comes_back(
    client: Any, order: Any, outage: Callable[[], None], postgresql_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "DATABASE_RETRY_INTERVAL", 0.05)
    client.network.gate.clear()
    assert (await client.call("create-connectivity-service", order)).status_code == 200
    await client.network.asked(1)
    outage()
    client.network.gate.set()

    published = await client.call("get-connectivity-service-list", {})
    assert (published.status_code, published.headers["retry-after"]) == (503, "5")
    assert published.json()["ietf-restconf:errors"]["error"][0]["error-message"].startswith("The database does not")
    for method, path in (("GET", "serviceOrder"), ("GET", "serviceOrder/1"), ("POST", "serviceOrder")):
        body = {"json": EXAMPLE, "headers": {"idempotency-key": "1"}} if method == "POST" else {}
        answer = await client.http.request(method, f"{ORDERING}/{path}", **body)
        assert (answer.status_code, answer.json()["code"]) == (503, "serviceUnavailable"), path
    ours = await client.http.get("/presto-sdwan/v1/service/acme")
    assert (ours.status_code, ours.json()["title"]) == (503, "Service Unavailable")
    assert "lso-postgresql" not in published.text + answer.text, "where the database is, is nobody's business"

    postgresql_server.start()
    await client.until("acme", "active")
    assert {verb for verb, _ in client.network.calls} == {"deploy"}


@on_both
@pytest.mark.parametrize("path", [f"{ORDERING}/serviceOrder/a%00b", "/mefApi/legato/serviceInventory/v7/service/%00"])
@pytest.mark.asyncio
async def test_ids_that_no_row_can_have(client: Any, path: str) -> None:
    answer = await client.http.get(path)
    assert answer.status_code in {400, 404}
    assert answer.headers["content-type"].startswith("application/json")


@on_both
@pytest.mark.asyncio
async def test_names_that_no_row_can_have(client: Any) -> None:
    answer = await client.call("get-connectivity-service-details", {"service-id-or-name": "a\0b"})
    assert answer.status_code in {400, 404}


@on_both
@pytest.mark.asyncio
async def test_the_id_of_an_item_may_be_of_any_length(client: Any) -> None:
    long = copy.deepcopy(EXAMPLE)
    first = long["serviceOrderItem"][0]["id"]
    whole = json.loads(json.dumps(long).replace(f'"{first}"', f'"{"x" * 9000}"'))
    answer = await client.http.post(f"{ORDERING}/serviceOrder", json=whole)
    assert answer.status_code == 201, answer.text
    assert answer.json()["serviceOrderItem"][0]["id"] == "x" * 9000


@on_both
def test_placeholders_are_given_once(database_url: str) -> None:
    store = OrchestratorStore(database_url)
    ports: list[tuple[str, Role]] = [("fw", "lan"), ("fw", "wan")]
    for number in range(24):
        store.enter(f"service-{number}", f"name-{number}")
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda number: store.placeholders(f"service-{number}", "u1", ports), range(24)))
    store.close()
    assert sorted(number for chosen in given for number in chosen.values()) == list(range(48))


def test_serving_without_a_database_is_told_in_a_sentence(inventory: Any, tmp_path: Path) -> None:
    file = tmp_path / "inventory.json"
    file.write_text(inventory.model_dump_json(), encoding="utf-8")
    url = "postgresql+psycopg://lso:s3cret@127.0.0.1:1/lso"
    command = [sys.executable, "-m", "lso", "serve", "--inventory", str(file), "--port", "0"]
    given = {**os.environ, "LSO_DATABASE": url}  # on the command line a password is warned of as well
    done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    assert done.returncode in {2, 3}
    assert done.stderr.startswith("lso: cannot open the database: ")
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stdout + done.stderr
