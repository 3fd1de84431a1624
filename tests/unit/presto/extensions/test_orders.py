"""Many orders at once, and orders that are cancelled."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from presto.service.pipeline import Pipeline
from presto_api.lifecycles import ENDED

ROOT = Path(__file__).parents[4]
EXAMPLE: Any = json.loads(
    re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "presto-mef.md").read_text(encoding="utf-8"), re.DOTALL)[0]
)
ORDERS = "/mefApi/legato/serviceOrderingManagement/v6/serviceOrder"


def example(name: str, sites: tuple[int, int]) -> Any:
    """The documented order under another name, on other sites."""
    letters = "abcd"
    text = json.dumps(EXAMPLE)
    for old, new in zip((1, 2), sites, strict=True):
        text = text.replace(f"0000000{old}-0000", f"<{new}>-0000")
        text = text.replace(f"site-{letters[old - 1]}", f"<{letters[new - 1]}>")
    text = re.sub(r"<(\d)>", r"0000000\1", re.sub(r"<([a-d])>", r"site-\1", text))
    order = json.loads(text)
    for item in order["serviceOrderItem"]:
        configuration = item["service"].get("serviceConfiguration", {})
        if "swVcIdentifier" in configuration:
            configuration["swVcIdentifier"] = name
    return order


async def ended(client: Any, order_id: str) -> Any:
    async with asyncio.timeout(60):
        while (order := (await client.http.get(f"{ORDERS}/{order_id}")).json())["state"] not in ENDED:
            await asyncio.sleep(0.005)
    return order


async def count(client: Any) -> int:
    return int((await client.http.get(ORDERS)).headers["X-Total-Count"])


@pytest.mark.asyncio
async def test_all_orders_of_a_bulk_are_accepted_and_carried_out(client: Any, face: Any) -> None:
    orders = [example("one", (1, 2)), example("two", (3, 4))]
    result = await face.call("POST", "/bulk", 201, json={"orders": orders})
    assert (result["mode"], result["accepted"], result["refused"]) == ("atomic", 2, 0)
    for item in result["results"]:
        assert (await ended(client, item["order"]["id"]))["state"] == "completed"
    assert {service["name"] for service in await face.get("/service")} == {"one", "two"}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("second", "message"),
    [
        (example("two", (2, 3)), "belongs to service"),
        (example("one", (3, 4)), "exists"),
        ({"serviceOrderItem": []}, ""),
    ],
    ids=["same UNI", "same name", "no order"],
)
async def test_of_a_bulk_all_are_accepted_or_none(client: Any, face: Any, second: Any, message: str) -> None:
    orders = [example("one", (1, 2)), second]
    body = await face.problem("POST", "/bulk", 422, json={"orders": orders})
    assert body["findings"]
    assert all(finding["pointer"].startswith("/orders/1") for finding in body["findings"])
    assert message in " ".join(finding["message"] for finding in body["findings"])
    assert (await count(client), await face.get("/service"), client.network.calls) == (0, [], [])


@pytest.mark.asyncio
async def test_everything_that_is_wrong_with_any_order_is_told(face: Any) -> None:
    orders = [example("one", (1, 2)), example("one", (3, 4)), {}, example("", (1, 2))]
    body = await face.problem("POST", "/bulk", 422, json={"orders": orders})
    assert {finding["pointer"].split("/")[2] for finding in body["findings"]} == {"1", "2", "3"}


@pytest.mark.asyncio
async def test_best_effort_takes_what_is_good(client: Any, face: Any) -> None:
    orders = [example("one", (1, 2)), example("two", (2, 3)), example("three", (3, 4))]
    result = await face.call("POST", "/bulk", 207, json={"mode": "best-effort", "orders": orders})
    assert [item["status"] for item in result["results"]] == ["accepted", "refused", "accepted"]
    assert "belongs to service" in result["results"][1]["findings"][0]["message"]
    assert await count(client) == 2


@pytest.mark.asyncio
async def test_best_effort_orders_are_one_transaction(
    client: Any, face: Any, network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a server that is killed has placed all of them or none, and a kept `Idempotency-Key` stands for all."""
    monkeypatch.setattr(Pipeline, "wake", lambda _self, _service: None)
    commits = 0

    def committed(_connection: Any) -> None:
        nonlocal commits
        commits += 1

    event.listen(client.core._store.engine, "commit", committed)
    orders = [example("one", (1, 2)), example("two", (2, 3)), {}, example("three", (3, 4))]
    result = await face.call("POST", "/bulk", 207, json={"mode": "best-effort", "orders": orders})
    assert [item["status"] for item in result["results"]] == ["accepted", "refused", "refused", "accepted"]
    assert commits == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("form", [{}, {"orders": []}, {"orders": [1]}, {"orders": [{}], "mode": "some"}])
async def test_bulks_that_are_none(face: Any, form: Any) -> None:
    assert (await face.problem("POST", "/bulk", 422, json=form))["findings"]


async def placed(client: Any, order: Any) -> str:
    answer = await client.http.post(ORDERS, json=order)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.mark.asyncio
async def test_an_order_under_way_is_taken_back(client: Any, face: Any, network: Any) -> None:
    network.gate.clear()
    order_id = await placed(client, example("one", (1, 2)))
    await network.asked(1)
    cancelled = await face.call("POST", f"/serviceOrder/{order_id}/cancel", 200)
    assert cancelled["state"] == "failed"
    assert {item["state"] for item in cancelled["serviceOrderItem"]} == {"failed"}
    assert "taken back" in cancelled["serviceOrderItem"][0]["terminationError"][0]["value"]
    network.gate.set()
    await client.until_gone("one")
    assert (network.deployed, [verb for verb, _ in network.calls]) == ({}, ["deploy", "remove"])
    assert "has ended" in (await face.problem("POST", f"/serviceOrder/{order_id}/cancel", 409))["detail"]


@pytest.mark.asyncio
async def test_a_change_that_is_cancelled_leads_back(client: Any, face: Any, network: Any) -> None:
    first = await placed(client, example("one", (1, 2)))
    assert (await ended(client, first))["state"] == "completed"
    before = copy.deepcopy(network.deployed)
    service = (await face.get("/service/one"))["id"]
    inventory = (await client.http.get(f"/mefApi/legato/serviceInventory/v7/service/{service}")).json()
    configuration = inventory["serviceConfiguration"]
    configuration["policyList"][0]["polCl"][0]["encryptionType"] = "OPTIONAL"
    item: dict[str, Any] = {"id": "1", "action": "modify"}
    item["service"] = {"id": service, "state": "active", "serviceConfiguration": configuration}
    change = {**{name: value for name, value in EXAMPLE.items() if name != "serviceOrderItem"}}
    network.gate.clear()
    answer = await client.http.post(ORDERS, json={**change, "serviceOrderItem": [item]})
    assert answer.status_code == 201, answer.text
    second = answer.json()["id"]
    await network.asked(2)
    assert (await face.get("/service/one"))["generation"] == 2
    await face.call("POST", f"/serviceOrder/{second}/cancel", 200)
    network.gate.set()
    await client.until("one", "active")
    assert network.deployed == before
    assert (await face.get("/service/one"))["generation"] == 3
    assert (await ended(client, second))["state"] == "failed"


@pytest.mark.asyncio
async def test_an_order_that_has_not_begun_ends_rejected_and_leaves_nothing(
    client: Any, face: Any, network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pipeline, "wake", lambda _self, _service: None)
    order_id = await placed(client, example("one", (1, 2)))
    cancelled = await face.call("POST", f"/serviceOrder/{order_id}/cancel", 200)
    assert cancelled["state"] == "rejected"
    assert {item["state"] for item in cancelled["serviceOrderItem"]} == {"rejected"}
    assert (await face.get("/service"), network.calls) == ([], [])
    assert (await face.get("/edge/site-a"))["unis"][0]["service"] is None, "its UNI is free again"


@pytest.mark.asyncio
async def test_what_cannot_be_cancelled(client: Any, face: Any, network: Any) -> None:
    await face.problem("POST", "/serviceOrder/nothing/cancel", 404)
    first = await placed(client, example("one", (1, 2)))
    await ended(client, first)
    assert "completed" in (await face.problem("POST", f"/serviceOrder/{first}/cancel", 409))["detail"]
    network.gate.clear()
    service = (await face.get("/service/one"))["id"]
    removal = copy.deepcopy(EXAMPLE)
    removal["serviceOrderItem"] = [{"id": "1", "action": "delete", "service": {"id": service}}]
    second = await placed(client, removal)
    assert "removal" in (await face.problem("POST", f"/serviceOrder/{second}/cancel", 409))["detail"]
