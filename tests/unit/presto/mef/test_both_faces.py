"""One service, seen and changed through both faces."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.asyncio


def by_type(services: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for service in services:
        found.setdefault(service["serviceConfiguration"]["@type"].split(":")[-3], []).append(service)
    return found


async def test_ordered_here_and_seen_there(mef: Any, client: Any, example: Any, pairs: Any) -> None:
    order = await mef.ended((await mef.place(example))["id"])
    service = await client.service("acme-office")
    swvc = order["serviceOrderItem"][2]["service"]["id"]
    assert service["uuid"] == swvc
    assert (service["lifecycle-state"], pairs(service)["lso-state"]) == ("INSTALLED", "active")
    attributes = service["swvc-service-attributes"]
    assert attributes["application-policy-mappings"]["mapping"] == [
        {"app-id": "telnet", "policy-name": "block"},
        {"app-id": "office", "policy-name": "business"},
        {"app-id": "ping", "policy-name": "business"},
    ]
    assert [flow["app-id"] for flow in attributes["applications"]["application"]] == ["telnet", "web", "ping"]
    unis = {end["service-interface-point"]["service-interface-point-uuid"] for end in service["end-point"]}
    assert unis == {item["service"]["id"] for item in order["serviceOrderItem"][:2]}


async def test_ordered_there_and_seen_here(mef: Any, client: Any, order: Any) -> None:
    await client.call("create-connectivity-service", order)
    service = await client.until("acme", "active")
    found = by_type(await mef.services())
    assert {kind: len(services) for kind, services in found.items()} == {
        "sd-wan-uni": 4,
        "ucs": 1,
        "ucs-uni": 4,
        "ucs-end-point": 4,
        "swvc": 1,
        "swvc-end-point": 2,
    }
    (swvc,) = found["swvc"]
    assert (swvc["id"], swvc["state"]) == (service["uuid"], "active")
    assert swvc["serviceConfiguration"]["policyList"] == [
        {"polName": "secure", "polCl": [{"encryptionType": "REQUIRED_ALWAYS"}]}
    ]
    assert swvc["serviceConfiguration"]["applicationFlowSpecificationGroupList"] == [{"name": "office"}]
    ends = {end["serviceConfiguration"]["swVcEndPointIdentifier"]: end for end in found["swvc-end-point"]}
    assert ends["a"]["serviceConfiguration"]["policyMap"][1] == {
        "applicationFlowGroup": [{"name": "office"}],
        "policy": {"polName": "secure"},
    }
    assert "serviceOrderItem" not in swvc


async def test_what_the_inventory_tells_can_be_ordered_again(mef: Any, client: Any, order: Any, change: Any) -> None:
    """A service of the other face, modified to what it is: nothing changes on the network."""
    await client.call("create-connectivity-service", order)
    await client.until("acme", "active")
    before = dict(client.network.deployed)
    items = []
    for kind, services in by_type(await mef.services()).items():
        for service in services if kind.startswith("swvc") else ():
            kept = ("id", "state", "serviceRelationship", "serviceConfiguration")
            items.append({"action": "modify", "service": {name: service[name] for name in kept if name in service}})
    done = await mef.ended((await mef.place(change(*items)))["id"])
    assert done["state"] == "completed"
    assert client.network.deployed == before


async def test_changed_there_after_it_was_ordered_here(mef: Any, client: Any, example: Any) -> None:
    placed = await mef.ended((await mef.place(example))["id"])
    swvc = placed["serviceOrderItem"][2]["service"]["id"]
    ordered = placed["serviceOrderItem"][2]["service"]["serviceConfiguration"]
    assert (await mef.service(swvc))["serviceConfiguration"] == ordered
    policies = {"policy": [{"policy-id": "business", "criteria": [{"pc-name": "ENCRYPTION", "pc-param": ["Either"]}]}]}
    change = {"service-id-or-name": "acme-office", "swvc-service-attributes": {"policies": policies}}
    assert (await client.call("update-connectivity-service", change)).status_code == 200
    await client.until("acme-office", "active")
    found = (await mef.service(swvc))["serviceConfiguration"]
    assert found["policyList"] == [{"polName": "business", "polCl": [{"encryptionType": "OPTIONAL"}]}]
    assert (await mef.order(placed["id"]))["state"] == "completed", "an order that has ended stays so"
    await client.call("delete-connectivity-service", {"service-id-or-name": "acme-office"})
    await client.until_gone("acme-office")
    assert (await mef.service(swvc))["state"] == "terminated"


async def test_ordered_there_and_deleted_here(mef: Any, client: Any, order: Any, change: Any) -> None:
    created = (await client.call("create-connectivity-service", order)).json()["output"]["service"]
    await client.until("acme", "active")
    removal = await mef.place(change({"action": "delete", "service": {"id": created["uuid"]}}))
    assert (await mef.ended(removal["id"]))["state"] == "completed"
    await client.until_gone("acme")
