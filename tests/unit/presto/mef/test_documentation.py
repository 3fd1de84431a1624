"""The orders and the error that the documentation shows are what happens."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from orchestrator.inventory import Inventory

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


EXAMPLES = Path(__file__).parents[4] / "docs" / "examples" / "orders"
# As they can be placed one after the other, with the words that stand for ids and the name of whose id it is.
PLACED = {
    "add-ucs": {},
    "add-ucs-uni": {},
    "add-ucs-end-point": {},
    "add-sd-wan-uni": {},
    "add-swvc": {},
    "add-swvc-end-point": {"SWVC": "acme-office"},
    "modify-swvc": {"SWVC": "acme-office"},
    "modify-swvc-end-point": {"SWVC": "acme-office", "END-POINT": "site-b", "UNI": "site-b-lan0"},
    "delete-swvc-end-point": {"END-POINT": "site-c"},
    "delete-swvc": {"SWVC": "acme-office"},
    "modify-sd-wan-uni": {"UNI": "site-a-lan0"},
    "modify-ucs": {},
    "modify-ucs-uni": {},
    "modify-ucs-end-point": {},
    "delete-sd-wan-uni": {"UNI": "site-a-lan0"},
    "delete-ucs-end-point": {},
    "delete-ucs-uni": {},
    "delete-ucs": {},
}
NAMES = ("swVcIdentifier", "swVcEndPointIdentifier", "uniIdentifier")


@pytest.fixture
def inventory(inventory: Inventory) -> Inventory:
    """Three sites: the underlay of the examples has no end point elsewhere."""
    return Inventory(ucpes=inventory.ucpes[:3], unis=inventory.unis[:3])


async def test_every_example_order_is_carried_out(mef: Any, client: Any) -> None:
    for name, words in PLACED.items():
        text = (EXAMPLES / f"{name}.json").read_text(encoding="utf-8")
        ids: dict[str, str] = {}
        for service in await mef.services():
            if service["state"] != "terminated":
                ids |= {service["serviceConfiguration"].get(member): service["id"] for member in NAMES}
        for word, thing in words.items():
            text = text.replace(f'"{word}"', f'"{ids[thing]}"')
        order = await mef.ended((await mef.place(json.loads(text)))["id"])
        assert order["state"] == "completed", (name, order)
        for item in order["serviceOrderItem"]:
            service = await mef.service(item["service"]["id"])
            wanted = "terminated" if item["action"] == "delete" else item["service"]["state"]
            assert service["state"] == wanted, name
    assert not client.network.deployed


async def test_there_is_an_example_of_each_type_and_action_and_the_page_shows_it() -> None:
    kinds = ["swvc", "swvc-end-point", "sd-wan-uni", "ucs", "ucs-uni", "ucs-end-point"]
    names = {f"{action}-{kind}" for action in ("add", "modify", "delete") for kind in kinds}
    assert {file.stem for file in EXAMPLES.glob("*.json")} == names == set(PLACED)
    assert set(re.findall(r"\(examples/orders/([\w-]+)\.json\)", TEXT)) == names
    for name in names:
        order = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
        action, _, kind = name.partition("-")
        items = [item for item in order["serviceOrderItem"] if item["action"] == action]
        assert items
        if action != "delete":
            types = {item["service"]["serviceConfiguration"]["@type"] for item in items}
            assert f"urn:mef:lso:spec:service:{kind}:v0.0.3:all" in types


async def test_the_error_of_the_documentation(mef: Any, example: Any) -> None:
    payload = example["serviceOrderItem"][3]["service"]["serviceConfiguration"]
    payload["policyMap"] = [{**payload["policyMap"][1], "policy": {"polName": "busyness"}}]
    assert await mef.refused(example) == json.loads(BLOCKS[3])
