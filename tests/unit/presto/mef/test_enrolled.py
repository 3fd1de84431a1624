"""What is enrolled with the uCPEs, ordered: taken, out of service and back, ended; and what carries an SWVC."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from orchestrator.inventory import Inventory
from presto.domain.enrolled import Enrolled
from presto.domain.settings import Settings
from presto.persistence.unit_of_work import NewItem, NewOrder
from presto.web.app import create_app

pytestmark = pytest.mark.asyncio
URN, OLDER = "urn:mef:lso:spec:service:{}:v0.0.3:all", "urn:mef:lso:spec:legato:{}:v0.0.1:all"
PLACE = [{"role": "INSTALL_LOCATION", "place": {"@type": "GeographicSiteRef", "id": "site-a"}}]
UCS_OF, OF_UCS, TO_UCS_UNI = "UCS_OF_SWVC", "ENDPOINT_OF_UCS", "CONNECTS_TO_UCS_UNI"


@pytest.fixture
def inventory(inventory: Inventory) -> Inventory:
    """Every site on the Internet and on a private MPLS network, site d there with a backup."""
    values = inventory.model_dump(mode="json")
    for number, ucpe in enumerate(values["ucpes"], 1):
        mpls = {"port": "wan1", "underlay": "mpls", "address": f"192.0.2.{number}/24", "backup": number == 4}
        ucpe["wan"].append(mpls)
    values["underlays"] = [{"name": "mpls", "type": "private", "billing": "flat-rate"}]
    return Inventory.model_validate(values)


class Orderer:
    """Makes orders of enrolled things, by their names."""

    def __init__(self, mef: Any, change: Callable[..., Any], enrolled: Enrolled) -> None:
        self.mef, self.change = mef, change
        self.ids = {resource.name: resource.id for resource in enrolled.resources}

    async def add(self, kind: str, state: str = "active", **payload: Any) -> Any:
        service = {"state": state, "serviceConfiguration": {"@type": URN.format(kind), **payload}}
        return await self.done({"action": "add", "service": service})

    async def modify(self, name: str, **changes: Any) -> Any:
        return await self.done({"action": "modify", "service": await self.as_it_is(name, **changes)})

    async def as_it_is(self, name: str, **changes: Any) -> Any:
        found = await self.mef.service(self.ids[name])
        kept = ("id", "state", "serviceRelationship", "serviceConfiguration")
        return {**{member: found[member] for member in kept if member in found}, **changes}

    async def delete(self, *names: str) -> Any:
        return await self.done(*({"action": "delete", "service": {"id": self.ids[name]}} for name in names))

    async def done(self, *items: Any) -> Any:
        placed = await self.mef.place(self.change(*items))
        assert placed["state"] == "acknowledged"
        return await self.mef.ended(placed["id"])

    async def state(self, name: str) -> str:
        state: str = (await self.mef.service(self.ids[name]))["state"]
        return state


@pytest.fixture
def orderer(mef: Any, change: Any, client: Any) -> Orderer:
    return Orderer(mef, change, client.core.enrolment)


@pytest.mark.parametrize(
    ("kind", "older", "payload", "name"),
    [
        ("ucs", "ucs", {"ucsIdentifier": "mpls", "ucsType": "PRIVATE", "ucsBillingMethod": "FLAT_RATE"}, "mpls"),
        ("ucs", "ucs", {"ucsIdentifier": "internet", "ucsType": "PUBLIC"}, "internet"),
        ("ucs-uni", "ucsUni", {"ucsIdentifier": "site-b-wan1"}, "site-b-wan1"),
        (
            "ucs-end-point",
            "ucsEndPoint",
            {"identifier": "site-d-wan1-mpls", "endPointBackup": "ENABLED", "endPointBreakout": "DISABLED"},
            "site-d-wan1-mpls",
        ),
        ("sd-wan-uni", "sdWanUni", {"uniIdentifier": "site-a-lan0"}, "site-a-lan0"),
    ],
)
async def test_an_add_takes_what_is_enrolled(orderer: Orderer, kind: str, older: str, payload: Any, name: str) -> None:
    urns = (URN.format(kind), OLDER.format(older), URN.format(kind))
    for urn in urns:
        ends = ((OF_UCS, "mpls"), (TO_UCS_UNI, "site-d-wan1"))
        service = {"state": "active", "place": PLACE, "serviceConfiguration": {"@type": urn, **payload}}
        if kind == "ucs-end-point":
            related = [{"relationshipType": role, "service": {"id": orderer.ids[other]}} for role, other in ends]
            service["serviceRelationship"] = related
        order = await orderer.done({"action": "add", "service": service})
        assert order["state"] == order["serviceOrderItem"][0]["state"] == "completed"
        assert order["orderDate"] <= order["startDate"] <= order["completionDate"]
        assert order["serviceOrderItem"][0]["service"]["id"] == orderer.ids[name]
        found = await orderer.mef.service(orderer.ids[name])
        assert found["serviceConfiguration"] == {**found["serviceConfiguration"], **payload, "@type": urn}
        assert found["serviceOrderItem"][-1] == {"serviceOrderId": order["id"], "itemId": "01"}
        query = {"serviceOrder.id": order["id"], "serviceOrderItem.id": "01"}
        assert await orderer.mef.services(**query) == [found]
        for given in set(urns):
            of_type = await orderer.mef.services(**{"@type": given, "limit": 100})
            assert (found in of_type) is (given == urn), "found by the type that it is shown with, and by no other"


async def test_a_whole_access_in_one_order(orderer: Orderer) -> None:
    """An end point refers to items of its own order, wherever they stand in it."""
    roles = ((OF_UCS, "02"), (TO_UCS_UNI, "03"))
    links = [{"relationshipType": role, "orderItem": {"itemId": number}} for role, number in roles]
    payloads = (
        ("ucs-end-point", {"identifier": "site-a-wan1-mpls"}),
        ("ucs", {"ucsIdentifier": "mpls"}),
        ("ucs-uni", {"ucsIdentifier": "site-a-wan1"}),
    )
    items = [
        {"action": "add", "service": {"state": "active", "serviceConfiguration": {"@type": URN.format(kind), **given}}}
        for kind, given in payloads
    ]
    order = await orderer.done({**items[0], "serviceOrderItemRelationship": links}, *items[1:])
    assert order["state"] == "completed"
    assert (await orderer.mef.service(orderer.ids["site-a-wan1-mpls"]))["serviceRelationship"] == [
        {"relationshipType": OF_UCS, "service": {"id": orderer.ids["mpls"]}},
        {"relationshipType": TO_UCS_UNI, "service": {"id": orderer.ids["site-a-wan1"]}},
    ]


@pytest.mark.parametrize("name", ["site-a-lan0", "mpls", "site-a-wan1", "site-a-wan1-mpls"])
async def test_out_of_service_and_back(orderer: Orderer, name: str) -> None:
    place = {"place": PLACE} if name.endswith("lan0") else {}
    for state in ("inactive", "inactive", "active", "active", "inactive"):
        assert (await orderer.modify(name, state=state, **place))["state"] == "completed"
        assert await orderer.state(name) == state
        assert orderer.ids[name] in {found["id"] for found in await orderer.mef.services(state=state)}


@pytest.mark.parametrize("name", ["internet", "site-b-wan0", "site-b-wan0-internet"])
async def test_what_is_out_of_service_carries_nothing(
    orderer: Orderer, mef: Any, example: Any, client: Any, name: str
) -> None:
    await orderer.modify(name, state="inactive")
    assert (await mef.ended((await mef.place(example))["id"]))["state"] == "completed"
    (request,) = client.network.deployed.values()
    assert {end.inputs["wan_address"].rpartition(".")[0] for end in request.deployments} == {"192.0.2"}
    assert {end.inputs["wan_port"] for end in request.deployments} == {"wan1"}


async def test_nothing_left_to_carry(orderer: Orderer, mef: Any, example: Any) -> None:
    await orderer.modify("internet", state="inactive")
    await orderer.modify("site-a-wan1", state="inactive")
    (problem,) = await mef.refused(example)
    assert problem["reason"] == "What connects site-a, site-b is out of service"
    await orderer.modify("site-a-lan0", state="inactive", place=PLACE)
    texts = [problem["reason"] for problem in await mef.refused(example)]
    assert "UNI site-a-lan0 is inactive" in texts


async def test_an_end_is_an_end(orderer: Orderer, mef: Any, change: Any, client: Any, example: Any) -> None:
    name = "site-a-lan0"
    assert (await orderer.delete(name))["state"] == "completed"
    found = await mef.service(orderer.ids[name])
    assert found["state"] == "terminated"
    assert found in await mef.services(**{"endDate.gt": "2020-01-01T00:00:00Z"})
    assert found not in await mef.services(**{"endDate.lt": "2020-01-01T00:00:00Z"})
    for state in ("active", "inactive"):
        service = await orderer.as_it_is(name, state=state, place=PLACE)
        assert await mef.refused(change({"action": "modify", "service": service}))
        service.pop("id")
        assert await mef.refused(change({"action": "add", "service": service}))
    assert await mef.refused(change({"action": "delete", "service": {"id": orderer.ids[name]}}))
    assert await mef.refused(example)
    unlock = {"sip-id-or-name": name, "state": "UNLOCKED"}
    assert (await client.call("update-service-interface-point", unlock)).status_code == 409
    assert await orderer.state(name) == "terminated"


async def test_a_uni_that_has_ended_is_gone_for_good_on_the_published_face(
    orderer: Orderer, client: Any, order: Any
) -> None:
    await orderer.delete("site-a-lan0")
    asked = await client.call("get-service-interface-point-details", {"sip-id-or-name": "site-a-lan0"})
    where = {"topology-id-or-name": "underlays", "node-id-or-name": "site-a", "ep-id-or-name": "site-a-lan0"}
    point = await client.call("get-node-edge-point-details", where)
    for shown in (asked.json()["output"]["sip"], point.json()["output"]["node-edge-point"]):
        states = [shown[f"{kind}-state"] for kind in ("administrative", "operational", "lifecycle")]
        assert states == ["LOCKED", "DISABLED", "PENDING_REMOVAL"]
    refused = await client.call("create-connectivity-service", order)
    assert refused.status_code == 409
    (error,) = refused.json()["ietf-restconf:errors"]["error"]
    assert error["error-message"] == "UNI site-a-lan0 is terminated. Enrol it anew, under another name."


async def test_an_underlay_ends_after_its_end_points(orderer: Orderer, mef: Any, change: Any) -> None:
    ends = [name for name in orderer.ids if name.endswith("-mpls")]
    assert len(ends) == 4
    (problem,) = await mef.refused(change({"action": "delete", "service": {"id": orderer.ids["mpls"]}}))
    assert problem["reason"].startswith("UCS mpls has end points: ")
    assert (await orderer.delete("mpls", *ends))["state"] == "completed"
    assert {await orderer.state(name) for name in ("mpls", *ends)} == {"terminated"}


async def test_the_underlays_of_an_swvc(orderer: Orderer, mef: Any, example: Any, client: Any, change: Any) -> None:
    """Ordered by the underlay, kept by the SWVC, which says it again when it is modified."""
    ucs = {"state": "active", "serviceConfiguration": {"@type": URN.format("ucs"), "ucsIdentifier": "mpls"}}
    role = [{"relationshipType": UCS_OF, "orderItem": {"itemId": "03"}}]
    taken = {"id": "06", "action": "add", "service": ucs, "serviceOrderItemRelationship": role}
    example["serviceOrderItem"].append(taken)
    placed = await mef.ended((await mef.place(example))["id"])
    assert placed["state"] == "completed"
    assert carried_by(client) == "192.0.2"
    swvc = await mef.service(placed["serviceOrderItem"][2]["service"]["id"])
    assert swvc["serviceRelationship"] == [{"relationshipType": UCS_OF, "service": {"id": orderer.ids["mpls"]}}]

    truth = await orderer.as_it_is("mpls")
    truth["serviceRelationship"] = [{"relationshipType": UCS_OF, "service": {"id": swvc["id"]}}]
    assert (await orderer.done({"action": "modify", "service": truth}))["state"] == "completed"
    lie = {**await orderer.as_it_is("internet"), "serviceRelationship": truth["serviceRelationship"]}
    (problem,) = await mef.refused(change({"action": "modify", "service": lie}))
    assert problem["reason"] == "W100 R4: UCS internet is none of this SWVC"

    kept = {name: swvc[name] for name in ("id", "state", "serviceConfiguration")}
    other = [{"relationshipType": UCS_OF, "service": {"id": orderer.ids["internet"]}}]
    moved = await orderer.done({"action": "modify", "service": {**kept, "serviceRelationship": other}})
    assert moved["state"] == "completed"
    assert carried_by(client) == "198.51.100"
    assert (await mef.service(swvc["id"]))["serviceRelationship"] == other


async def test_an_swvc_stays_on_its_underlay(orderer: Orderer, mef: Any, example: Any, client: Any) -> None:
    """A better underlay that comes back into service does not move what is carried already."""
    await orderer.modify("internet", state="inactive")
    placed = await mef.ended((await mef.place(example))["id"])
    await orderer.modify("internet", state="active")
    end = await mef.service(placed["serviceOrderItem"][4]["service"]["id"])
    kept = {name: end[name] for name in ("id", "state", "serviceConfiguration", "serviceRelationship")}
    kept["serviceConfiguration"]["policyMap"].pop()
    assert (await orderer.done({"action": "modify", "service": kept}))["state"] == "completed"
    assert carried_by(client) == "192.0.2"


async def test_private_only_rides_the_private_underlay(mef: Any, example: Any, client: Any) -> None:
    configuration = example["serviceOrderItem"][2]["service"]["serviceConfiguration"]
    criteria = {"publicPrivate": "PRIVATE_ONLY", "encryptionType": "REQUIRED_PUBLIC_ONLY"}
    configuration["policyList"] = [{"polName": "business", "polCl": [criteria]}]
    assert (await mef.ended((await mef.place(example))["id"]))["state"] == "completed"
    assert carried_by(client) == "192.0.2"
    (request,) = client.network.deployed.values()
    assert request.deployments[0].inputs["encryption"] == "integrity-only"


async def test_a_use_that_came_in_between_fails_the_item(mef: Any, example: Any, client: Any, orderer: Orderer) -> None:
    """What is accepted is judged again when it is carried out; the other items of the order do not suffer."""
    await mef.ended((await mef.place(example))["id"])
    ids = [orderer.ids[name] for name in ("site-a-lan0", "site-c-lan0")]
    wanted = [{"id": str(n), "action": "delete", "service": {"id": uni}} for n, uni in enumerate(ids)]
    document = {**example, "serviceOrderItem": wanted}
    items = tuple(NewItem(str(n), "delete", "sd-wan-uni", None, {}, uni) for n, uni in enumerate(ids))
    order = NewOrder("late", document, items)
    await client.core.accept(partial(client.core.enrolled.place, order=order))
    order = await mef.ended("late")
    assert [order["state"], *(item["state"] for item in order["serviceOrderItem"])] == [
        "partial",
        "failed",
        "completed",
    ]
    assert "in use" in order["serviceOrderItem"][0]["terminationError"][0]["value"]
    assert await orderer.state("site-a-lan0") == "active"
    assert await orderer.state("site-c-lan0") == "terminated"


async def test_a_restart_takes_up_what_is_open(new_core: Any, example: Any, inventory: Inventory) -> None:
    core = new_core()
    uni = inventory.unis[0].id
    document = {**example, "serviceOrderItem": [{"id": "1", "action": "delete", "service": {"id": uni}}]}
    order = NewOrder("left", document, (NewItem("1", "delete", "sd-wan-uni", None, {}, uni),))
    await core._store.writer.run_async(partial(core.enrolled.place, order=order))
    await core.stop()
    app = create_app(new_core())
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/mefApi/legato/") as http,
    ):
        async with asyncio.timeout(60):
            path = "serviceOrderingManagement/v6/serviceOrder/left"
            while (await http.get(path)).json()["state"] == "acknowledged":
                await asyncio.sleep(0.002)
        assert (await http.get(path)).json()["state"] == "completed"
        assert (await http.get(f"serviceInventory/v7/service/{uni}")).json()["state"] == "terminated"


async def test_ids_are_the_same_everywhere(inventory: Inventory) -> None:
    values = inventory.model_dump(mode="json")
    values["ucpes"].reverse()
    other = Enrolled(Inventory.model_validate(values))
    assert {resource.name: resource.id for resource in Enrolled(inventory).resources} == {
        resource.name: resource.id for resource in other.resources
    }


async def test_names_that_do_not_fit_give_way_to_ids(inventory: Inventory) -> None:
    values = inventory.model_dump(mode="json")
    values["ucpes"][0]["id"] = values["unis"][0]["ucpe"] = "x" * 50
    names = [resource.name for resource in Enrolled(Inventory.model_validate(values)).resources]
    assert all(len(name) <= 53 for name in names)
    assert len(set(names)) == len(names)


def carried_by(client: Any) -> str:
    """The network of the addresses that the tunnels end at."""
    (request,) = client.network.deployed.values()
    (network,) = {end.inputs["wan_address"].rpartition(".")[0] for end in request.deployments}
    return str(network)


async def test_a_repeated_request_orders_once(client: Any, mef: Any, change: Any) -> None:
    service = {"state": "active", "serviceConfiguration": {"@type": URN.format("ucs"), "ucsIdentifier": "mpls"}}
    order = change({"action": "add", "service": service})
    path, key = "/mefApi/legato/serviceOrderingManagement/v6/serviceOrder", {"Idempotency-Key": "7"}
    first = await client.http.post(path, json=order, headers=key)
    await mef.ended(first.json()["id"])
    again = await client.http.post(path, json=order, headers=key)
    assert (again.status_code, again.content) == (first.status_code, first.content) == (201, first.content)
    assert len((await client.http.get(path)).json()) == 1


async def test_an_external_id_stands_for_one_order(new_core: Any, change: Any) -> None:
    service = {"state": "active", "serviceConfiguration": {"@type": URN.format("ucs"), "ucsIdentifier": "mpls"}}
    order = {**change({"action": "add", "service": service}), "externalId": "once"}
    app = create_app(new_core(Settings(unique_external_ids=True)))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http,
    ):
        path = "/mefApi/legato/serviceOrderingManagement/v6/serviceOrder"
        answers = [await http.post(path, json=order) for _ in range(3)]
        assert {answer.json()["id"] for answer in answers} == {answers[0].json()["id"]}
        assert len((await http.get(path)).json()) == 1
