"""What was created says where it is, and is there."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.asyncio
ORDERING, INVENTORY = "/mefApi/legato/serviceOrderingManagement/v6", "/mefApi/legato/serviceInventory/v7"


async def test_an_order(mef: Any, example: Any) -> None:
    key = {"Idempotency-Key": "once"}
    answers = [await mef.http.post(f"{ORDERING}/serviceOrder", json=example, headers=key) for _ in range(2)]
    for answer in answers:
        assert answer.status_code == 201, answer.text
        assert answer.headers["location"] == answer.json()["href"]
    href = answers[0].json()["href"]
    assert href == answers[1].json()["href"]
    order = await mef.ended(answers[0].json()["id"])
    assert (await mef.http.get(href)).json() == order
    assert order["href"] == href
    assert [one["href"] for one in (await mef.http.get(f"{ORDERING}/serviceOrder")).json()] == [href]


async def test_services(mef: Any, example: Any) -> None:
    await mef.ended((await mef.place(example))["id"])
    services = await mef.services(limit=100)
    assert len(services) > 10
    for service in services:
        assert (await mef.http.get(service["href"])).json() == service


@pytest.mark.parametrize("base", [ORDERING, INVENTORY])
async def test_a_listener(mef: Any, base: str) -> None:
    made = await mef.http.post(f"{base}/hub", json={"callback": "https://listener.example/x"})
    assert (await mef.http.get(made.headers["location"])).json() == made.json()
