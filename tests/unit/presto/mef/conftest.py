"""The order of the documentation, and a client for both APIs over the in-memory network."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[4]
TEXT = (ROOT / "docs" / "presto-mef.md").read_text(encoding="utf-8")
EXAMPLE: Any = json.loads(re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)[0])
ORDERING, INVENTORY = "/mefApi/legato/serviceOrderingManagement/v6", "/mefApi/legato/serviceInventory/v7"


class Mef:
    """Places orders and asks for services."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def post(self, order: Any) -> httpx.Response:
        return await self.http.post(f"{ORDERING}/serviceOrder", json=order)

    async def place(self, order: Any) -> Any:
        answer = await self.post(order)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def refused(self, order: Any) -> list[dict[str, str]]:
        answer = await self.post(order)
        assert answer.status_code == 422, answer.text
        problems: list[dict[str, str]] = answer.json()
        return problems

    async def order(self, order_id: str) -> Any:
        answer = await self.http.get(f"{ORDERING}/serviceOrder/{order_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ended(self, order_id: str) -> Any:
        """The order when it has come to its end."""
        async with asyncio.timeout(60):
            while (found := await self.order(order_id))["state"] in {"acknowledged", "inProgress"}:
                await asyncio.sleep(0.002)
        return found

    async def service(self, service_id: str) -> Any:
        answer = await self.http.get(f"{INVENTORY}/service/{service_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def services(self, **query: Any) -> Any:
        answer = await self.http.get(f"{INVENTORY}/service", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def mef(client: Any) -> Mef:
    return Mef(client.http)


@pytest.fixture
def example() -> Any:
    """A fresh copy of the order that the documentation shows."""
    return copy.deepcopy(EXAMPLE)


@pytest.fixture
def change() -> Callable[..., Any]:
    """An order of these items."""

    def make(*items: Any) -> Any:
        moments = {name: EXAMPLE[name] for name in ("requestedStartDate", "requestedCompletionDate")}
        return {**moments, "serviceOrderItem": [{"id": f"{n:02}", **item} for n, item in enumerate(items, 1)]}

    return make
