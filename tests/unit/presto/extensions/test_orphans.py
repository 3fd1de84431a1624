"""Services that only the orchestrator knows, because the API's database was lost: they are listed and removed."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.inventory import Inventory
from orchestrator.service import Orchestrator
from orchestrator.southbound.memory import MemorySouthbound
from presto.persistence.store import Store
from presto.persistence.tables import open_engine
from presto.service.core import Core
from presto.web.app import create_app

pytestmark = pytest.mark.asyncio
ROOT = Path(__file__).parents[4]
ORDER: Any = json.loads(
    re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "presto-mef.md").read_text(encoding="utf-8"), re.DOTALL)[0]
)
BASE, ORDERING = "/presto-sdwan/v1", "/mefApi/legato/serviceOrderingManagement/v6"
Serving = Callable[[], AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def serving(inventory: Inventory, tmp_path: Path) -> Serving:
    """A server over the real orchestrator, whose uCPEs outlive it."""
    southbound = MemorySouthbound(inventory)

    @asynccontextmanager
    async def served() -> AsyncIterator[httpx.AsyncClient]:
        network = Orchestrator(
            inventory,
            f"sqlite:///{tmp_path}/presto.orchestrator.db",
            connect=southbound.connect,
            ended=southbound.ended,
        )
        app = create_app(Core(inventory, Store(open_engine(str(tmp_path / "presto.db"))), network))
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http,
        ):
            yield http

    return served


async def ordered(http: httpx.AsyncClient) -> tuple[str, str]:
    """The id of the service of an order, and how the order ended."""
    placed = await http.post(f"{ORDERING}/serviceOrder", json=ORDER)
    assert placed.status_code == 201, placed.text
    async with asyncio.timeout(20):
        while True:
            order = (await http.get(placed.json()["href"])).json()
            if order["state"] not in {"acknowledged", "inProgress"}:
                return order["serviceOrderItem"][2]["service"]["id"], order["state"]
            await asyncio.sleep(0.01)


async def test_what_a_lost_database_leaves(serving: Serving, tmp_path: Path) -> None:
    async with serving() as http:
        service, state = await ordered(http)
        assert state == "completed"
        assert (await http.get(f"{BASE}/orphan")).json() == [], "what the API knows is none"
        refused = await http.delete(f"{BASE}/orphan/{service}")
        assert (refused.status_code, refused.json()["detail"]) == (404, f'There is no orphan "{service}"')
    for file in tmp_path.glob("presto.db*"):
        file.unlink()
    async with serving() as http:
        assert (await http.get(f"{BASE}/service")).json() == []
        listed = (await http.get(f"{BASE}/orphan")).json()
        assert listed == [{"id": service, "name": "acme-office", "edges": ["site-a", "site-b"]}]
        assert (await ordered(http))[1] != "completed", "its uCPEs are not free"
    for file in tmp_path.glob("presto.db*"):
        file.unlink()
    async with serving() as http:
        assert (await http.delete(f"{BASE}/orphan/{service}")).status_code == 204
        assert service not in {one["id"] for one in (await http.get(f"{BASE}/orphan")).json()}
        assert (await http.delete(f"{BASE}/orphan/{service}")).status_code == 404
        for left in (await http.get(f"{BASE}/orphan")).json():
            assert (await http.delete(f"{BASE}/orphan/{left['id']}")).status_code == 204
        assert (await ordered(http))[1] == "completed"


async def test_what_cannot_be_removed_is_told(client: Any, face: Any, order: Any) -> None:
    placed = await client.call("create-connectivity-service", order)
    service = placed.json()["output"]["service"]["uuid"]
    await client.until("acme", "active")
    left = client.network.deployed[service]
    await client.call("delete-connectivity-service", {"service-id-or-name": "acme"})
    await client.until_gone("acme")
    client.network.deployed[service] = left
    client.network.faults = [{"site-b": "site-b: docker: no answer"}]
    problem = await face.problem("DELETE", f"/orphan/{service}", 502)
    assert [one["message"] for one in problem["findings"]] == ["site-b: docker: no answer"]
    assert [one["id"] for one in await face.get("/orphan")] == [service]
    assert await face.call("DELETE", f"/orphan/{service}", 204) is None
    assert await face.get("/orphan") == []
