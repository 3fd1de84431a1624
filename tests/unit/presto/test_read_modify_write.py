"""What is shown is taken back, and changes nothing: each resource of each face is read and sent back as it was."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from presto.web.app import catalogue
from presto_api.mef.envelope import ServiceValue

pytestmark = pytest.mark.asyncio
EXTENSIONS = "/presto-sdwan/v1"
ORDERING, INVENTORY = "/mefApi/legato/serviceOrderingManagement/v6", "/mefApi/legato/serviceInventory/v7"
DOCS = Path(__file__).parents[3] / "docs" / "presto-mef.md"
EXAMPLE: Any = json.loads(re.findall(r"```json\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)[0])
PLACE = [{"role": "INSTALL_LOCATION", "place": {"@type": "GeographicSiteRef", "id": "site-a"}}]
MOMENTS = {name: EXAMPLE[name] for name in ("requestedStartDate", "requestedCompletionDate")}
STEPS = {"generation", "changed", "serviceOrderItem"}
"""What counts changes, also those that change nothing."""


async def plain(client: Any, order: Any) -> str:
    """A service of the Presto API, with all that only TAPI has a member for."""
    order["connectivity-constraint"] = {"service-type": "POINT_TO_POINT_CONNECTIVITY", "service-layer": "ETH"}
    order["end-point"][0] |= {"layer-protocol-name": "ETH", "name": [{"value-name": "site", "value": "HQ"}]}
    order["swvc-service-attributes"] |= {"mtu": 1300, "reserved-prefixes": {"prefix": ["192.168.0.0/24"]}}
    assert (await client.call("create-connectivity-service", order)).status_code == 200
    return await settled(client, "acme")


async def rooted(client: Any, order: Any) -> str:
    order["connectivity-constraint"] = {"service-type": "ROOTED_MULTIPOINT_CONNECTIVITY"}
    order["end-point"][0]["role"], order["end-point"][1]["role"] = "ROOT", "LEAF"
    return await plain_as_it_is(client, order)


async def locked(client: Any, order: Any) -> str:
    return await plain_as_it_is(client, {**order, "state": "LOCKED"})


async def failing(client: Any, order: Any) -> str:
    client.network.faults = [{"site-a": "site-a: docker: full"}] * 10
    return await plain_as_it_is(client, order)


async def plain_as_it_is(client: Any, order: Any) -> str:
    assert (await client.call("create-connectivity-service", order)).status_code == 200
    return await settled(client, "acme")


async def ordered(client: Any, _order: Any) -> str:
    """A service of the ordering API, with payloads that the other faces tell otherwise."""
    placed = await client.http.post(f"{ORDERING}/serviceOrder", json=EXAMPLE)
    assert placed.status_code == 201, placed.text
    return await settled(client, "acme-office")


async def settled(client: Any, name: str) -> str:
    """The id of a service once the work on it has ended and its tunnels have been looked at."""
    async with asyncio.timeout(60):
        while (shown := (await client.http.get(f"{EXTENSIONS}/service/{name}")).json())["state"] in {
            "accepted",
            "deploying",
        }:
            await asyncio.sleep(0.002)
        found: str = shown["id"]
        while "lso-missing" in {pair["value-name"] for pair in (await client.service(found))["name"]}:
            await asyncio.sleep(0.002)
    return found


async def shown(client: Any, service: str) -> dict[str, Any]:
    """The service on all faces, without what counts changes."""
    poc = await client.service(service)
    extension = (await client.http.get(f"{EXTENSIONS}/service/{service}")).json()
    listed = (await client.http.get(f"{INVENTORY}/service", params={"limit": 100})).json()
    return {"poc": poc, "extension": without(extension), "inventory": [without(one) for one in listed]}


def without(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name not in STEPS}


async def by_the_extensions(client: Any, service: str) -> None:
    answer = await client.http.get(f"{EXTENSIONS}/service/{service}")
    headers = {"If-Match": answer.headers["etag"]}
    changed = await client.http.patch(f"{EXTENSIONS}/service/{service}", json=answer.json(), headers=headers)
    assert changed.status_code == 202, changed.text


async def by_the_poc(client: Any, service: str) -> None:
    """The published update takes the members of a service in groups, and one end point at a time."""
    found = await client.service(service)
    constraint = ("service-type", "service-layer", "service-level", "connectivity-direction")
    whole = {
        "service-id-or-name": found["uuid"],
        "state": found["administrative-state"],
        "connectivity-constraint": {name: found[name] for name in constraint if name in found},
        "swvc-service-attributes": found["swvc-service-attributes"],
    }
    for given in (whole, *({"service-id-or-name": found["uuid"], "end-point": one} for one in found["end-point"])):
        answer = await client.call("update-connectivity-service", given)
        assert answer.status_code == 200, answer.text
        await settled(client, service)


async def by_an_order(client: Any, service: str) -> None:
    """One order with an item for the service and each of its end points.

    What the published type of orders has no member for is left out.
    """
    listed = (await client.http.get(f"{INVENTORY}/service", params={"limit": 100})).json()
    mine = [
        one
        for one in listed
        if service in {one["id"], *(r["service"]["id"] for r in one.get("serviceRelationship", ()))}
    ]
    assert len(mine) == 3
    await modified(client, mine)


async def modified(client: Any, services: list[Any]) -> None:
    members = {str(field.alias) for field in ServiceValue.model_fields.values()}
    items = [
        {"id": str(number), "action": "modify", "service": {name: one[name] for name in one if name in members}}
        for number, one in enumerate(services)
    ]
    await placed(client, items)


async def placed(client: Any, items: list[Any]) -> None:
    answer = await client.http.post(f"{ORDERING}/serviceOrder", json={**MOMENTS, "serviceOrderItem": items})
    assert answer.status_code == 201, answer.text
    async with asyncio.timeout(60):
        while True:
            order = (await client.http.get(f"{ORDERING}/serviceOrder/{answer.json()['id']}")).json()
            if order["state"] not in {"acknowledged", "inProgress"}:
                break
            await asyncio.sleep(0.002)
    assert order["state"] in {"completed", "partial", "failed"}, order


@pytest.mark.parametrize("send_back", [by_the_extensions, by_the_poc, by_an_order])
@pytest.mark.parametrize("make", [plain, rooted, locked, failing, ordered])
async def test_a_service(
    client: Any,
    order: Any,
    make: Callable[[Any, Any], Awaitable[str]],
    send_back: Callable[[Any, str], Awaitable[None]],
) -> None:
    service = await make(client, copy.deepcopy(order))
    before = await shown(client, service)
    await send_back(client, service)
    await settled(client, service)
    found = list(differences(before, await shown(client, service)))
    assert found == [], "\n".join(found)


def differences(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """What is other than before, each with its place."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            yield from differences(before.get(name), after.get(name), f"{place}/{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, f"{place}/{number}")
    elif before != after:
        yield f"{place}: {before} → {after}"


@pytest.mark.parametrize("state", ["UNLOCKED", "LOCKED", "in use", "terminated"])
async def test_a_uni_of_the_poc(client: Any, order: Any, state: str) -> None:
    named = {"sip-id-or-name": "site-a-lan0"}
    if state == "LOCKED":
        assert (await client.call("update-service-interface-point", {**named, "state": state})).status_code == 201
    elif state == "in use":
        await plain(client, order)
    elif state == "terminated":
        await placed(
            client, [{"id": "1", "action": "delete", "service": {"id": "00000001-0000-4000-8000-000000000000"}}]
        )
    before = (await client.call("get-service-interface-point-details", named)).json()
    sip = before["output"]["sip"]
    given = {"sip-id-or-name": sip["uuid"], "state": sip["administrative-state"]}
    answer = await client.call("update-service-interface-point", given)
    assert answer.status_code == 201, answer.text
    assert (await client.call("get-service-interface-point-details", named)).json() == before


@pytest.mark.parametrize("state", ["active", "inactive"])
async def test_what_is_enrolled(client: Any, state: str) -> None:
    """UNIs, underlays, WAN ports and their attachments, each by an order of its own."""
    there = await things(client)
    kinds = {one["serviceConfiguration"]["@type"] for one in there}
    assert len(kinds) == 4
    for one in there:
        sent = {**one, "state": state, **({"place": PLACE} if "uniIdentifier" in one["serviceConfiguration"] else {})}
        await modified(client, [sent])
        before = (await client.http.get(f"{INVENTORY}/service/{one['id']}")).json()
        assert before["state"] == state
        await modified(client, [before])
        after = (await client.http.get(f"{INVENTORY}/service/{one['id']}")).json()
        assert without(after) == without(before)


async def things(client: Any) -> list[Any]:
    found: list[Any] = (await client.http.get(f"{INVENTORY}/service", params={"limit": 100})).json()
    return found


async def test_every_operation_that_changes_was_asked(client: Any) -> None:
    """Who adds one adds its round trip above."""
    scopes = catalogue(client.http._transport.app).scopes
    changing = {name for name in scopes if re.match("update|patch|put|modify|replace|change|set", name)}
    assert changing == {"patchService", "update-connectivity-service", "update-service-interface-point"}
    assert "createServiceOrder" in scopes, "orders with modify items are the fourth"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"id": "x"}, [("/id", 'This is "{id}" and cannot be changed here')]),
        (
            {"name": "other", "serviceType": "multipoint"},
            [
                ("/name", 'This is "acme" and cannot be changed here'),
                ("/serviceType", 'This is "point-to-point" and cannot be changed here'),
            ],
        ),
    ],
)
async def test_what_a_service_keeps(client: Any, order: Any, change: Any, told: list[Any]) -> None:
    service = await plain_as_it_is(client, order)
    answer = await client.http.patch(f"{EXTENSIONS}/service/acme", json=change, headers={"If-Match": "*"})
    assert answer.status_code == 422, answer.text
    found = [(one["pointer"], one["message"]) for one in answer.json()["findings"]]
    assert found == [(pointer, text.replace("{id}", service)) for pointer, text in told]
    sent = {"state": "failed", "error": "x", "generation": 7, "created": "2026-01-01T00:00:00Z", "mtu": 1300}
    answer = await client.http.patch(f"{EXTENSIONS}/service/acme", json=sent, headers={"If-Match": "*"})
    assert (answer.status_code, answer.json()["mtu"], answer.json()["generation"]) == (202, 1300, 2)


async def test_pairs_of_the_server_are_not_the_clients(client: Any, order: Any) -> None:
    order["end-point"][0]["name"] = [{"value-name": "lso-error", "value": "x"}, {"value-name": "site", "value": "HQ"}]
    await plain_as_it_is(client, order)
    assert (await client.service("acme"))["end-point"][0]["name"] == [{"value-name": "site", "value": "HQ"}]
