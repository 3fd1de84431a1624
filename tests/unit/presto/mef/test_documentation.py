"""The orders and the error that the documentation shows are what happens."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.asyncio
TEXT = (Path(__file__).parents[4] / "docs" / "presto-mef.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)


async def test_the_orders_of_the_documentation(mef: Any, client: Any) -> None:
    add, modify, delete, _ = BLOCKS
    placed = await mef.ended((await mef.place(json.loads(add)))["id"])
    assert placed["state"] == "completed"
    _, uni, swvc, _, end = [item["service"]["id"] for item in placed["serviceOrderItem"]]
    for word, service in (("END-POINT", end), ("SWVC", swvc), ("UNI", uni)):
        modify, delete = (text.replace(f'"{word}"', f'"{service}"') for text in (modify, delete))
    assert (await mef.ended((await mef.place(json.loads(modify)))["id"]))["state"] == "completed"
    (request,) = client.network.deployed.values()
    actions = {rule["id"]: rule["action"] for rule in request.deployments[1].inputs["firewall_rules"]}
    assert (actions["ping"], actions["web"]) == ("deny", "allow")
    (found,) = await mef.services(externalId="acme-offices")
    assert found["id"] == swvc
    assert (await mef.ended((await mef.place(json.loads(delete)))["id"]))["state"] == "completed"
    assert (await mef.service(swvc))["state"] == "terminated"


async def test_the_error_of_the_documentation(mef: Any, example: Any) -> None:
    payload = example["serviceOrderItem"][3]["service"]["serviceConfiguration"]
    payload["policyMap"] = [{**payload["policyMap"][1], "policy": {"polName": "busyness"}}]
    assert await mef.refused(example) == json.loads(BLOCKS[3])
