"""What orders and the inventory say is how it is: after changes, cancellations and removals, and from face to face."""

from __future__ import annotations

import asyncio
import copy
import json
from typing import Any

import pytest

from presto.service.pipeline import Pipeline

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True),
]
INSTALLED = [{"role": "INSTALL_LOCATION", "place": {"@type": "GeographicSiteRef", "id": "site-a"}}]
OF, TO = "ENDPOINT_OF_SWVC", "CONNECTS_TO_SDWAN_UNI"


async def made(mef: Any, order: Any) -> Any:
    done = await mef.ended((await mef.place(order))["id"])
    assert done["state"] == "completed", done
    return done


def ids(order: Any) -> list[str]:
    return [item["service"]["id"] for item in order["serviceOrderItem"]]


async def as_it_is(mef: Any, service_id: str, **changes: Any) -> dict[str, Any]:
    """A service as a client reads it and sends it back."""
    found = await mef.service(service_id)
    kept = {name: value for name, value in found.items() if name not in {"serviceDate", "serviceOrderItem"}}
    return {**kept, **changes}


async def test_a_change_that_is_cancelled_leaves_nothing(mef: Any, example: Any, change: Any, client: Any) -> None:
    for item in example["serviceOrderItem"][2:]:
        item["service"]["state"] = "reserved"
    swvc = ids(await made(mef, example))[2]
    before = await mef.services()
    client.network.gate.clear()
    other = await as_it_is(mef, swvc, state="active", externalId="other")
    other["serviceConfiguration"]["virtualTopologiesList"][0]["vtName"] = "all"
    order = await mef.place(change({"action": "modify", "service": other}))
    assert [found["id"] for found in await mef.services(externalId="other")] == [swvc]
    assert (await mef.http.post(f"/presto-sdwan/v1/serviceOrder/{order['id']}/cancel")).status_code == 200
    client.network.gate.set()
    after: Any = None
    async with asyncio.timeout(60):
        while after != before:
            await asyncio.sleep(0.01)
            after = [without_order(service, order["id"]) for service in await mef.services()]
    await made(mef, change({"action": "modify", "service": await as_it_is(mef, swvc)}))


async def cancelled(mef: Any, order: Any, status: int = 200) -> Any:
    answer = await mef.http.post(f"/presto-sdwan/v1/serviceOrder/{order['id']}/cancel")
    assert answer.status_code == status, answer.text
    return answer.json()


def elsewhere(order: Any) -> Any:
    """The same order for the other two sites."""
    return json.loads(json.dumps(order).replace("site-a", "site-c").replace("site-b", "site-d"))


async def seen_there(mef: Any, name: str) -> Any:
    """The service as the extensions show it."""
    answer = await mef.http.get(f"/presto-sdwan/v1/service/{name}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def three_sites(mef: Any, example: Any, topology: Any = None) -> list[str]:
    """The SWVC of the documentation with a third end point; the ids of the order's services."""
    third = json.loads(json.dumps(example["serviceOrderItem"][3]).replace('"site-a"', '"site-c"'))
    uni = json.loads(json.dumps(example["serviceOrderItem"][0]).replace("site-a", "site-c"))
    third["serviceOrderItemRelationship"][1]["orderItem"]["itemId"] = "06"
    swvc = example["serviceOrderItem"][2]["service"]["serviceConfiguration"]
    everybody = {"vtName": "everybody", "vtEp": {"multipointToMultipoint": ["site-a", "site-b", "site-c"]}}
    swvc["virtualTopologiesList"] = [topology or everybody]
    example["serviceOrderItem"] += [{**uni, "id": "06"}, {**third, "id": "07"}]
    return ids(await made(mef, example))


class Turnstile(asyncio.Semaphore):
    """A gate of the network that lets one piece of work through for each `release`."""

    async def wait(self) -> None:
        await self.acquire()


async def test_two_changes_that_are_cancelled_leave_nothing(
    mef: Any, example: Any, change: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one while the first, which was carried out before that, is being taken back."""
    *_, end = await three_sites(mef, example)
    monkeypatch.setattr(client.network, "gate", Turnstile(0))
    removal = change({"action": "delete", "service": {"id": end}})
    for work_begun in (2, 3):
        order = await mef.place(removal)
        await client.network.asked(work_begun)
        await cancelled(mef, order)
        client.network.gate.release()
        await client.network.asked(work_begun + 1)
    client.network.gate.release()
    await client.until("acme-office", "active")
    assert (await mef.service(end))["state"] == "active"
    ends = (await seen_there(mef, "acme-office"))["endPoints"]
    assert [found["identifier"] for found in ends] == ["site-a", "site-b", "site-c"]


async def test_a_change_of_another_face_outlives_a_cancelled_order(
    mef: Any, example: Any, change: Any, client: Any
) -> None:
    swvc = ids(await made(mef, example))[2]
    client.network.gate.clear()
    patched = await mef.http.patch(
        f"/presto-sdwan/v1/service/{swvc}",
        json={"mtu": 1300},
        headers={"if-match": "*", "content-type": "application/merge-patch+json"},
    )
    assert patched.status_code == 202, patched.text
    order = await mef.place(change({"action": "modify", "service": await as_it_is(mef, swvc, externalId="other")}))
    await cancelled(mef, order)
    client.network.gate.set()
    await client.until("acme-office", "active")
    assert (await seen_there(mef, "acme-office"))["mtu"] == 1300


async def test_a_uni_is_free_when_its_end_point_has_gone(mef: Any, example: Any, change: Any, client: Any) -> None:
    other = elsewhere(example)
    other["serviceOrderItem"][2]["service"]["serviceConfiguration"]["swVcIdentifier"] = "second"
    *_, end = await three_sites(mef, example)
    client.network.gate.clear()
    removal = change({"action": "delete", "service": {"id": end}})
    order = await mef.place(removal)
    await client.network.asked(2)
    assert "UNI site-c-lan0 belongs to service" in str(await mef.refused(other))
    asked = {"topology-id-or-name": "underlays", "node-id-or-name": "site-c", "ep-id-or-name": "site-c-lan0"}
    assert "its service is leaving it" in (await client.call("get-node-edge-point-details", asked)).text
    await cancelled(mef, order)
    client.network.gate.set()
    await client.until("acme-office", "active")
    assert (await mef.service(end))["state"] == "active"
    await made(mef, removal)
    await made(mef, other)


@pytest.mark.parametrize("what", ["site", "service"])
async def test_what_is_being_made_is_not_free_when_its_removal_is_accepted(
    mef: Any, example: Any, change: Any, client: Any, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change under way ends well, and so with the very UNI that the next change is going to take out."""
    other = elsewhere(example)
    other["serviceOrderItem"][2]["service"]["serviceConfiguration"]["swVcIdentifier"] = "second"
    _, _, swvc, *_, end = await three_sites(mef, example)
    monkeypatch.setattr(client.network, "gate", Turnstile(0))
    await mef.place(change({"action": "modify", "service": await as_it_is(mef, swvc, externalId="x")}))
    await client.network.asked(2)
    removal = await mef.place(change({"action": "delete", "service": {"id": end if what == "site" else swvc}}))
    client.network.gate.release()
    await client.network.asked(3)
    assert "UNI site-c-lan0 belongs to service" in str(await mef.refused(other))
    client.network.gate.release()
    assert (await mef.ended(removal["id"]))["state"] == "completed"
    assert "UNI site-c-lan0" not in str((await mef.post(other)).json()), "it is free now"
    client.network.gate.release()


@pytest.mark.parametrize(("failing", "state", "free"), [("site-a", "completed", True), ("site-c", "failed", False)])
async def test_a_site_leaves_while_another_fails(
    mef: Any, example: Any, change: Any, client: Any, failing: str, state: str, free: bool
) -> None:
    """What became of it is told by its own uCPE, and where that is clean its UNI is free."""
    other = elsewhere(example)
    other["serviceOrderItem"][2]["service"]["serviceConfiguration"]["swVcIdentifier"] = "second"
    *_, end = await three_sites(mef, example)
    client.network.faults.append({failing: "no answer"})
    order = await mef.ended((await mef.place(change({"action": "delete", "service": {"id": end}})))["id"])
    assert order["serviceOrderItem"][0]["state"] == state
    assert ("no answer" in str(order)) is (state == "failed")
    if free:
        await made(mef, other)
    else:
        assert "UNI site-c-lan0 belongs to service" in str(await mef.refused(other))
        swvc = ids(await made(mef, change({"action": "modify", "service": await acme(mef)})))[0]
        assert (await mef.service(swvc))["state"] == "active"
        await made(mef, other)


async def acme(mef: Any) -> Any:
    """The SWVC of the documentation as it is."""
    found = await mef.services(**{"@type": "urn:mef:lso:spec:service:swvc:v0.0.3:all"})
    return await as_it_is(mef, found[0]["id"])


async def test_a_removal_that_fails_lets_go_of_what_is_clean(mef: Any, example: Any, change: Any, client: Any) -> None:
    swvc = ids(await made(mef, example))[2]
    client.network.faults.append({"site-a": "no answer"})
    removal = change({"action": "delete", "service": {"id": swvc}})
    assert (await mef.ended((await mef.place(removal))["id"]))["state"] == "failed"
    assert (await client.call("get-connectivity-service-details", {"service-id-or-name": swvc})).status_code == 200
    unis = [(await mef.http.get(f"/presto-sdwan/v1/edge/site-{site}")).json()["unis"][0] for site in "ab"]
    assert [uni["service"] is not None for uni in unis] == [True, False]
    await made(mef, removal)


async def test_a_removal_is_not_in_progress_before_it_begins(mef: Any, example: Any, change: Any, client: Any) -> None:
    """Neither for the change that it supersedes, nor because it is asked for once more by another face."""
    swvc = ids(await made(mef, example))[2]
    client.network.gate.clear()
    under_way = await mef.place(change({"action": "modify", "service": await as_it_is(mef, swvc, externalId="x")}))
    await client.network.asked(2)
    removal = await mef.place(change({"action": "delete", "service": {"id": swvc}}))
    assert (await mef.order(under_way["id"]))["state"] == "failed"
    assert (await client.call("delete-connectivity-service", {"service-id-or-name": swvc})).is_success
    assert (await mef.order(removal["id"]))["state"] == "acknowledged"
    client.network.gate.set()
    assert (await mef.ended(removal["id"]))["state"] == "completed"


async def test_a_reserved_service_that_never_began_leaves_nothing(
    mef: Any, example: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for item in example["serviceOrderItem"][2:]:
        item["service"]["state"] = "reserved"
    monkeypatch.setattr(Pipeline, "wake", lambda _self, _service: None)
    await cancelled(mef, await mef.place(example))
    assert (await mef.http.get("/presto-sdwan/v1/service")).json() == []


async def test_a_leaf_that_leaves_alone(mef: Any, example: Any, change: Any) -> None:
    leaves = ["site-b", "site-c"]
    topology = {"vtName": "star", "vtEp": {"rootedMultipoint": {"rootList": ["site-a"], "leafList": leaves}}}
    placed = await three_sites(mef, example, topology)
    await made(mef, change({"action": "delete", "service": {"id": placed[-1]}}))
    found = await as_it_is(mef, placed[2])
    (shown,) = found["serviceConfiguration"]["virtualTopologiesList"]
    assert shown["vtEp"] == {"rootedMultipoint": {"rootList": ["site-a"], "leafList": ["site-b"]}}
    await made(mef, change({"action": "modify", "service": found}))


@pytest.mark.parametrize("taken", [False, True])
async def test_a_new_name_that_is_cancelled(mef: Any, example: Any, change: Any, client: Any, taken: bool) -> None:
    swvc = ids(await made(mef, example))[2]
    other = elsewhere(example)
    renamed = await as_it_is(mef, swvc)
    renamed["serviceConfiguration"]["swVcIdentifier"] = "renamed"
    client.network.gate.clear()
    order = await mef.place(change({"action": "modify", "service": renamed}))
    if taken:
        await mef.place(other)
        assert "has taken the name" in (await cancelled(mef, order, 409))["detail"]
    else:
        await cancelled(mef, order)
    client.network.gate.set()
    name = "renamed" if taken else "acme-office"
    await client.until(name, "active")
    assert (await seen_there(mef, name))["id"] == swvc
    assert (await mef.service(swvc))["serviceConfiguration"]["swVcIdentifier"] == name


def without_order(service: Any, order_id: str) -> Any:
    orders = [item for item in service.get("serviceOrderItem", ()) if item["serviceOrderId"] != order_id]
    return {**service, "serviceOrderItem": orders} if "serviceOrderItem" in service else service


async def test_an_order_that_never_began_has_no_start(
    mef: Any, example: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pipeline, "wake", lambda _self, _service: None)
    order = await mef.place(example)
    cancelled = f"/presto-sdwan/v1/serviceOrder/{order['id']}/cancel"
    assert (await mef.http.post(cancelled)).status_code == 200
    ended = await mef.ended(order["id"])
    assert (ended["state"], "startDate" in ended) == ("rejected", False)


@pytest.mark.parametrize("verb", ["delete", "modify"])
async def test_what_leaves_the_network_is_in_progress(
    mef: Any, example: Any, change: Any, client: Any, verb: str
) -> None:
    swvc = ids(await made(mef, example))[2]
    client.network.gate.clear()
    service = {"id": swvc} if verb == "delete" else await as_it_is(mef, swvc, state="inactive")
    order = await mef.place(change({"action": verb, "service": service}))
    async with asyncio.timeout(60):
        while (found := await mef.order(order["id"]))["state"] == "acknowledged":
            await asyncio.sleep(0.002)
    assert [found["state"], found["serviceOrderItem"][0]["state"]] == ["inProgress", "inProgress"]
    assert "completionDate" not in found
    client.network.gate.set()
    done = await mef.ended(order["id"])
    assert done["orderDate"] <= found["startDate"] == done["startDate"] < done["completionDate"]
    if verb == "delete":
        assert found["startDate"] < (await mef.service(swvc))["endDate"] <= done["completionDate"]


async def test_each_removal_has_its_own_date(mef: Any, example: Any, change: Any, client: Any) -> None:
    swvc = ids(await made(mef, example))[2]
    client.network.gate.clear()
    removal = change({"action": "delete", "service": {"id": swvc}})
    first = await mef.place(removal)
    await client.network.asked(2)
    second = await mef.place(removal)
    assert first["orderDate"] < second["orderDate"]
    assert (await mef.order(second["id"]))["state"] == "inProgress", "the work is under way already"
    client.network.gate.set()
    for order in (first, second):
        assert (await mef.ended(order["id"]))["state"] == "completed"


async def test_end_points_that_come_and_go_alone(mef: Any, example: Any, change: Any, client: Any) -> None:
    topology = {"vtName": "all", "vtEp": {"multipointToMultipoint": ["site-b", "site-a"]}}
    example["serviceOrderItem"][2]["service"]["serviceConfiguration"]["virtualTopologiesList"] = [topology]
    _, _, swvc, end, _ = ids(await made(mef, example))
    third = copy.deepcopy(example["serviceOrderItem"][3])
    third["service"]["serviceConfiguration"]["swVcEndPointIdentifier"] = "site-c"
    uni = next(resource.id for resource in client.core.enrolment.resources if resource.name == "site-c-lan0")
    third["service"]["serviceRelationship"] = [
        {"relationshipType": role, "service": {"id": to}} for role, to in ((OF, swvc), (TO, uni))
    ]
    del third["serviceOrderItemRelationship"]
    for item, names in ((third, ["site-b", "site-a", "site-c"]), ({"action": "delete"}, ["site-b", "site-c"])):
        await made(mef, change({"service": {"id": end}, **item}))
        found = await as_it_is(mef, swvc)
        (shown,) = found["serviceConfiguration"]["virtualTopologiesList"]
        assert shown == {"vtName": "all", "vtEp": {"multipointToMultipoint": names}}
        await made(mef, change({"action": "modify", "service": found}))


async def test_an_item_of_another_order(mef: Any, example: Any, change: Any) -> None:
    first = await made(mef, example)
    end = copy.deepcopy(example["serviceOrderItem"][3])
    end["service"]["serviceConfiguration"]["swVcEndPointIdentifier"] = "site-c"
    uni = copy.deepcopy(example["serviceOrderItem"][0])
    uni["service"]["serviceConfiguration"]["uniIdentifier"] = "site-c-lan0"
    end["serviceOrderItemRelationship"] = [
        {"relationshipType": OF, "orderItem": {"itemId": "03", "serviceOrderId": first["id"]}},
        {"relationshipType": TO, "orderItem": {"itemId": "01"}},
    ]
    order = change(uni, end)
    order["orderRelationship"] = [{"relationshipType": "EXTENDS", "serviceOrder": {"id": first["id"]}}]
    added = ids(await made(mef, order))[1]
    relationships = (await mef.service(added))["serviceRelationship"]
    assert {"relationshipType": OF, "service": {"id": ids(first)[2]}} in relationships
    end["serviceOrderItemRelationship"][0]["orderItem"]["itemId"] = "99"
    (problem,) = await mef.refused(change(uni, end))
    assert (problem["code"], problem["propertyPath"][-15:]) == ("referenceNotFound", "/serviceOrderId")


async def test_what_is_said_of_a_uni(mef: Any, example: Any, change: Any) -> None:
    said = {"externalId": "uni-ext-1", "serviceType": "access", "description": "ground floor"}
    example["serviceOrderItem"][0]["service"] |= said
    uni, other, swvc, *_ = ids(await made(mef, example))
    found = await mef.service(uni)
    assert found == {**found, **said, "place": INSTALLED, "state": "active"}
    for query in ({"externalId": "uni-ext-1"}, {"serviceType": "access"}, {"geographicSite.id": "site-a"}):
        assert [service["id"] for service in await mef.services(**query)] == [uni]
    assert await mef.services(**{"externalId": "uni-ext-1", "geographicSite.id": "site-b"}) == []
    await made(mef, change({"action": "delete", "service": {"id": swvc}}))
    assert (await mef.service(uni))["externalId"] == "uni-ext-1", "a UNI outlives the SWVC that it was ordered for"

    again = await as_it_is(mef, uni, externalId="uni-ext-2")
    await made(mef, change({"action": "modify", "service": again}))
    assert [await mef.services(externalId=f"uni-ext-{number}") for number in (1, 2)] == [[], [await mef.service(uni)]]
    elsewhere = {"@type": "GeographicSiteRef", "id": "site-z"}
    same = [{**again["place"][0], "place": {**again["place"][0]["place"], "href": "sites/site-a"}}]
    await made(mef, change({"action": "modify", "service": {**again, "place": same}}))
    moved = {**again, "place": [{"role": "INSTALL_LOCATION", "place": elsewhere}]}
    (problem,) = await mef.refused(change({"action": "modify", "service": moved}))
    assert problem["reason"] == "W100 R4: UNI site-a-lan0 does not move"
    assert (await mef.service(other))["place"][0]["place"]["id"] == "site-b"


async def test_what_was_in_vain_says_nothing_of_a_uni(mef: Any, example: Any, client: Any) -> None:
    example["serviceOrderItem"][0]["service"]["externalId"] = "never"
    client.network.faults.append({"site-a": "no such port"})
    order = await mef.ended((await mef.place(example))["id"])
    assert order["state"] != "completed"
    assert "externalId" not in await mef.service(ids(order)[0])


async def test_a_start_that_was_ordered_is_not_taken_for_the_real_one(mef: Any, example: Any) -> None:
    service = example["serviceOrderItem"][2]["service"]
    service |= {"state": "reserved", "startDate": "2020-01-01T00:00:00Z"}
    for item in example["serviceOrderItem"][3:]:
        item["service"]["state"] = "reserved"
    swvc = ids(await made(mef, example))[2]
    assert "startDate" not in await mef.service(swvc), "it has never been active"
    assert await mef.services(**{"startDate.lt": "2021-01-01T00:00:00Z"}) == []
