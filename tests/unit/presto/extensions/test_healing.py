"""What is lost of a service is told until it is back, over the real orchestrator with uCPEs in memory."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator import healing
from orchestrator.inventory import Inventory
from orchestrator.service import Orchestrator
from orchestrator.southbound.memory import MemorySouthbound
from presto.persistence.store import Store
from presto.persistence.tables import open_engine
from presto.service.core import Core
from presto.web.app import create_app

ROOT = Path(__file__).parents[4]
ORDER: Any = json.loads(
    re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "presto-mef.md").read_text(encoding="utf-8"), re.DOTALL)[0]
)


@pytest.mark.asyncio
async def test_a_killed_vnf_is_told_until_it_is_back(
    inventory: Inventory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(healing, "SETTLE", 0.05)
    driver = MemorySouthbound(inventory)
    network = Orchestrator(inventory, f"sqlite:///{tmp_path}/state.db", connect=driver.connect, ended=driver.ended)
    app = create_app(Core(inventory, Store(open_engine(str(tmp_path / "lso.db"))), network))
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")
    tasks = asyncio.all_tasks()

    async def until(**wanted: str | None) -> dict[str, Any]:
        async with asyncio.timeout(20):
            while True:
                service: dict[str, Any] = (await http.get("/presto-sdwan/v1/service")).json()[0]
                found = {name: service.get(name) for name in wanted}
                if all(
                    re.search(text, found[name] or "") if text else not found[name] for name, text in wanted.items()
                ):
                    return service
                await asyncio.sleep(0.01)

    async with http:
        async with app.router.lifespan_context(app):
            answer = await http.post("/mefApi/legato/serviceOrderingManagement/v6/serviceOrder", json=ORDER)
            assert answer.status_code == 201, answer.text
            service = await until(state="active", missing=None)
            driver.fail("site-a", "start", "no space left on device", times=2)
            driver.kill("site-a", f"{service['id'][:8]}-firewall")
            await until(state="active", missing="site-a: .*no space left on device")
            await until(state="active", missing=None)
        assert asyncio.all_tasks() == tasks
    name = service["id"]
    assert f"service {name} on site-a is not back, and tried again: site-a: docker: no space left" in caplog.text
    assert f"service {name} on site-a was brought back: missing: container {name[:8]}-firewall" in caplog.text
