"""Orders from POST to their end, and the services that they leave in the inventory."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from presto.persistence.unit_of_work import UnitOfWork

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True),
]


def states(order: Any) -> list[str]:
    return [order["state"], *(item["state"] for item in order["serviceOrderItem"])]


def ids(order: Any) -> list[str]:
    return [item["service"]["id"] for item in order["serviceOrderItem"]]


async def test_an_order_is_acknowledged_carried_out_and_in_the_inventory(mef: Any, example: Any, client: Any) -> None:
    client.network.gate.clear()
    order = await mef.place(example)
    assert states(order) == ["acknowledged"] * 6
    assert "completionDate" not in order
    await client.network.asked(1)
    assert states(await mef.order(order["id"])) == ["inProgress"] * 6
    uni, _, swvc, end, _ = ids(order)
    assert (await mef.service(swvc))["state"] == (await mef.service(end))["state"] == "reserved"
    client.network.gate.set()
    done = await mef.ended(order["id"])
    assert states(done) == ["completed"] * 6
    assert done["orderDate"] <= done["startDate"] <= done["completionDate"]
    found = await mef.service(end)
    assert found["state"] == "active"
    assert found["serviceRelationship"] == [
        {"relationshipType": "ENDPOINT_OF_SWVC", "service": {"id": swvc}},
        {"relationshipType": "CONNECTS_TO_SDWAN_UNI", "service": {"id": uni}},
    ]
    assert found["serviceOrderItem"] == [{"serviceOrderId": order["id"], "itemId": "04"}]


async def test_orders_of_one_commit_are_checked_against_one_another(mef: Any, example: Any, client: Any) -> None:
    """The first of those that wait for one transaction wins, and each other one is told what it has taken."""
    text = json.dumps(example)
    same_unis = json.loads(text.replace('"acme-office"', '"other"'))
    same_name = json.loads(text.replace("site-a", "site-c").replace("site-b", "site-d"))
    free = json.loads(json.dumps(same_name).replace('"acme-office"', '"third"'))
    writer, began, go = client.core._store.writer, threading.Event(), threading.Event()

    def hold(_unit: UnitOfWork) -> bool:
        began.set()
        return go.wait(10)

    held = writer.submit(hold)
    assert await asyncio.to_thread(began.wait, 10), "alone, so that those that come now are of one commit"
    answers = [asyncio.create_task(mef.post(order)) for order in (example, same_unis, same_name, free)]
    async with asyncio.timeout(60):
        while len(writer._jobs) < len(answers):
            await asyncio.sleep(0.001)
    go.set()
    assert [(await answer).status_code for answer in answers] == [201, 422, 422, 201]
    assert held.result(10)
    reasons = [{problem["reason"] for problem in (await answer).json()} for answer in answers[1:3]]
    assert any('belongs to service "acme-office"' in reason for reason in reasons[0])
    assert any('A service "acme-office" exists' in reason for reason in reasons[1])
    for answer in (answers[0], answers[3]):
        assert (await mef.ended((await answer).json()["id"]))["state"] == "completed"


async def test_what_the_client_sent_comes_back_unchanged(mef: Any, example: Any) -> None:
    example["note"] = [{"author": "a", "date": "2026-03-01T00:00:00Z", "id": "n", "source": "bus", "text": "hello"}]
    order = await mef.ended((await mef.place(example))["id"])
    assert order.pop("href").endswith(f"/serviceOrder/{order['id']}")
    for name in ("id", "state", "orderDate", "startDate", "completionDate"):
        del order[name]
    for item in order["serviceOrderItem"]:
        del item["state"], item["service"]["id"]
    assert order == example


async def test_the_network_gets_what_was_ordered(mef: Any, example: Any, client: Any) -> None:
    """Order of flows (R44), flow without policy (R55), unmatched packets (R45), own policy before the group's (R54)."""
    flows = example["serviceOrderItem"][2]["service"]["serviceConfiguration"]["applicationFlowSpecificationList"]
    flows.append({"applicationFlowName": "rest", "applicationFlowCriteria": [{"protv4": [17]}]})
    for number in (3, 4):
        entries = example["serviceOrderItem"][number]["service"]["serviceConfiguration"]["policyMap"]
        entries.append({"applicationFlow": [{"applicationFlowName": "web"}], "policy": {"polName": "block"}})
    await mef.ended((await mef.place(example))["id"])
    (request,) = client.network.deployed.values()
    rules = request.deployments[0].inputs["firewall_rules"]
    assert [(rule["id"], rule["action"]) for rule in rules] == [
        ("telnet", "deny"),
        ("web", "deny"),
        ("ping", "allow"),
        ("rest", "deny"),
    ]
    assert rules[1]["destination_ports"] == ["80", "443"]
    assert request.deployments[0].inputs["encryption"] == "required"


async def test_partial_failure_names_the_item(mef: Any, example: Any, client: Any) -> None:
    client.network.faults.append({"site-b": "the engine is down"})
    order = await mef.ended((await mef.place(example))["id"])
    assert states(order) == ["partial", "completed", "failed", "failed", "completed", "failed"]
    assert order["serviceOrderItem"][4]["terminationError"] == [
        {"code": "otherIssue", "propertyPath": "/serviceOrderItem/4", "value": "the engine is down"}
    ]
    assert "terminationError" not in order["serviceOrderItem"][3]
    assert "completionDate" not in order


async def test_failure_everywhere_fails_the_order(mef: Any, example: Any, client: Any) -> None:
    client.network.faults.append({"site-a": "no room", "site-b": "the engine is down"})
    order = await mef.ended((await mef.place(example))["id"])
    assert states(order) == ["failed"] * 6
    assert [item["terminationError"][0]["value"] for item in order["serviceOrderItem"]] == [
        "end point site-a does not work",
        "end point site-b does not work",
        "end points site-a, site-b do not work",
        "no room",
        "the engine is down",
    ], "each sentence stands once"


async def test_modify_replaces_and_delete_terminates(mef: Any, example: Any, client: Any, change: Any) -> None:
    _, _, swvc, _, end = ids(await mef.ended((await mef.place(example))["id"]))
    service = {
        "id": end,
        "state": "active",
        "serviceRelationship": (await mef.service(end))["serviceRelationship"],
        "serviceConfiguration": {
            **example["serviceOrderItem"][4]["service"]["serviceConfiguration"],
            "policyMap": [{"applicationFlow": [{"applicationFlowName": "ping"}], "policy": {"polName": "block"}}],
        },
    }
    modified = await mef.ended((await mef.place(change({"action": "modify", "service": service})))["id"])
    assert states(modified) == ["completed", "completed"]
    assert (await mef.service(end))["serviceConfiguration"] == service["serviceConfiguration"]
    (request,) = client.network.deployed.values()
    rules = {rule["id"]: rule["action"] for rule in request.deployments[1].inputs["firewall_rules"]}
    assert (rules["ping"], rules["ping-from-site-a"]) == ("deny", "allow")
    client.network.gate.clear()
    removal = await mef.place(change({"action": "delete", "service": {"id": swvc}}))
    assert (await mef.service(swvc))["state"] == "inactive"
    client.network.gate.set()
    assert states(await mef.ended(removal["id"])) == ["completed", "completed"]
    assert not client.network.deployed
    for service_id in (swvc, end):
        gone = await mef.service(service_id)
        assert gone["state"] == "terminated"
        assert gone["endDate"] >= gone["startDate"]
        assert gone["serviceConfiguration"]
    problems = await mef.refused(change({"action": "delete", "service": {"id": swvc}}))
    assert problems[0]["propertyPath"] == "/serviceOrderItem/0/service/id"


async def test_an_end_point_is_added_and_deleted(mef: Any, example: Any, client: Any, change: Any) -> None:
    ordered = ids(await mef.ended((await mef.place(example))["id"]))
    (uni,) = [uni.id for uni in client.core.inventory.unis if uni.name == "site-c-lan0"]
    related = [
        {"relationshipType": "ENDPOINT_OF_SWVC", "service": {"id": ordered[2]}},
        {"relationshipType": "CONNECTS_TO_SDWAN_UNI", "service": {"id": uni}},
    ]
    configuration = {
        **example["serviceOrderItem"][4]["service"]["serviceConfiguration"],
        "swVcEndPointIdentifier": "site-c",
    }
    service = {"state": "active", "serviceRelationship": related, "serviceConfiguration": configuration}
    added = await mef.ended((await mef.place(change({"action": "add", "service": service})))["id"])
    assert states(added) == ["completed", "completed"]
    (request,) = client.network.deployed.values()
    assert [end.ucpe for end in request.deployments] == ["site-a", "site-b", "site-c"]
    client.network.gate.clear()
    removal = await mef.place(change({"action": "delete", "service": {"id": ordered[4]}}))
    assert (await mef.service(ordered[4]))["state"] == "active"
    client.network.gate.set()
    assert states(await mef.ended(removal["id"])) == ["completed", "completed"]
    assert (await mef.service(ordered[4]))["state"] == "terminated"
    (request,) = client.network.deployed.values()
    assert [end.ucpe for end in request.deployments] == ["site-a", "site-c"]


async def test_inactive_keeps_the_service_off_the_network(mef: Any, example: Any, client: Any) -> None:
    for item in example["serviceOrderItem"][2:]:
        item["service"]["state"] = "inactive"
    order = await mef.ended((await mef.place(example))["id"])
    assert order["state"] == "completed"
    assert not client.network.deployed
    assert (await mef.service(ids(order)[2]))["state"] == "inactive"


async def test_a_later_change_supersedes(mef: Any, example: Any, client: Any, change: Any) -> None:
    client.network.gate.clear()
    order = await mef.place(example)
    await client.network.asked(1)
    removal = await mef.place(change({"action": "delete", "service": {"id": ids(order)[2]}}))
    superseded = await mef.order(order["id"])
    assert states(superseded) == ["failed"] * 6
    assert "later change" in superseded["serviceOrderItem"][0]["terminationError"][0]["value"]
    client.network.gate.set()
    assert (await mef.ended(removal["id"]))["state"] == "completed"


async def test_an_end_point_cannot_leave_the_state_of_its_swvc(mef: Any, example: Any, change: Any) -> None:
    ordered = ids(await mef.ended((await mef.place(example))["id"]))
    service = {
        "id": ordered[4],
        "state": "inactive",
        "serviceRelationship": (await mef.service(ordered[4]))["serviceRelationship"],
        "serviceConfiguration": example["serviceOrderItem"][4]["service"]["serviceConfiguration"],
    }
    problems = await mef.refused(change({"action": "modify", "service": service}))
    assert [problem["reason"] for problem in problems] == ["An end point has the state of its SWVC"]
    del service["serviceRelationship"]
    service["state"] = "active"
    problems = await mef.refused(change({"action": "modify", "service": service}))
    assert {problem["reason"][:13] for problem in problems} == {"MEF 99.1 R29;"}


async def test_locked_stays_locked_when_an_end_point_goes(mef: Any, example: Any, client: Any, change: Any) -> None:
    third = {**example["serviceOrderItem"][1], "id": "06"}
    third["service"] = {**third["service"], "serviceConfiguration": {**third["service"]["serviceConfiguration"]}}
    third["service"]["serviceConfiguration"]["uniIdentifier"] = "site-c-lan0"
    end = {**example["serviceOrderItem"][4], "id": "07", "service": {**example["serviceOrderItem"][4]["service"]}}
    end["serviceOrderItemRelationship"] = [
        {"relationshipType": "ENDPOINT_OF_SWVC", "orderItem": {"itemId": "03"}},
        {"relationshipType": "CONNECTS_TO_SDWAN_UNI", "orderItem": {"itemId": "06"}},
    ]
    configuration = {**end["service"]["serviceConfiguration"], "swVcEndPointIdentifier": "site-c"}
    end["service"]["serviceConfiguration"] = configuration
    example["serviceOrderItem"] += [third, end]
    del example["serviceOrderItem"][2]["service"]["serviceConfiguration"]["virtualTopologiesList"]
    for item in example["serviceOrderItem"]:
        if "uniIdentifier" not in item["service"]["serviceConfiguration"]:
            item["service"]["state"] = "inactive"
    ordered = ids(await mef.ended((await mef.place(example))["id"]))
    removal = await mef.place(change({"action": "delete", "service": {"id": ordered[6]}}))
    assert (await mef.ended(removal["id"]))["state"] == "completed"
    assert (await mef.service(ordered[2]))["state"] == "inactive"
    assert not client.network.deployed


async def test_rooted_services(mef: Any, example: Any, client: Any) -> None:
    ends = {"rootedMultipoint": {"rootList": ["site-a"], "leafList": ["site-b"]}}
    topology = [{"vtName": "hub", "vtType": "ROOTED_MPT", "vtEp": ends}]
    example["serviceOrderItem"][2]["service"]["serviceConfiguration"]["virtualTopologiesList"] = topology
    assert (await mef.ended((await mef.place(example))["id"]))["state"] == "completed"
    service = await client.service("acme-office")
    assert service["service-type"] == "ROOTED_MULTIPOINT_CONNECTIVITY"


async def test_older_type_names_are_taken(mef: Any, example: Any) -> None:
    names = {"sd-wan-uni": "sdWanUni", "swvc": "swVc", "swvc-end-point": "swVcEndPoint"}
    for item in example["serviceOrderItem"]:
        configuration = item["service"]["serviceConfiguration"]
        kind = configuration["@type"].split(":")[-3]
        configuration["@type"] = f"urn:mef:lso:spec:legato:{names[kind]}:v0.0.1:all"
    swvc = example["serviceOrderItem"][2]["service"]["serviceConfiguration"]
    swvc |= {"ucsList": ["internet"], "zoneList": [{"zoneName": "everything"}]}
    order = await mef.ended((await mef.place(example))["id"])
    assert order["state"] == "completed"
    for item in order["serviceOrderItem"]:
        service = item["service"]
        found = await mef.service(service["id"])
        assert found["serviceConfiguration"]["@type"] == service["serviceConfiguration"]["@type"]
        assert found in await mef.services(**{"@type": service["serviceConfiguration"]["@type"]})
