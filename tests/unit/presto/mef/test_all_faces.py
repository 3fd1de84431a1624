"""One service seen through all faces: the same facts, whoever tells them."""

from __future__ import annotations

from typing import Any

import pytest

from presto.domain import check

pytestmark = pytest.mark.asyncio
FACE_C = "/presto-sdwan/v1"


async def test_one_service_through_all_faces(mef: Any, client: Any, example: Any, pairs: Any) -> None:
    order = await mef.ended((await mef.place(example))["id"])
    _, _, swvc, *ends = [item["service"]["id"] for item in order["serviceOrderItem"]]
    poc = await client.service("acme-office")
    inventory = await mef.service(swvc)
    policies = await client.http.get(f"{FACE_C}/service/{swvc}/effectivePolicy")
    assert policies.status_code == 200, policies.text
    # Its id, and that it works.
    assert poc["uuid"] == inventory["id"] == swvc
    assert (pairs(poc)["lso-state"], inventory["state"]) == ("active", "active")
    # Its end points and their UNIs.
    by_poc = {
        end["swvc-endpoint-attributes"]["endpoint-identifier"]: end["service-interface-point"][
            "service-interface-point-uuid"
        ]
        for end in poc["end-point"]
    }
    by_inventory = {}
    for end in ends:
        found = await mef.service(end)
        related = {one["relationshipType"]: one["service"]["id"] for one in found["serviceRelationship"]}
        assert related["ENDPOINT_OF_SWVC"] == swvc
        by_inventory[found["serviceConfiguration"]["swVcEndPointIdentifier"]] = related["CONNECTS_TO_SDWAN_UNI"]
    assert by_poc == by_inventory
    # What happens to each application.
    told = {
        pair["app-id"]: pair["policy-name"]
        for pair in poc["swvc-service-attributes"]["application-policy-mappings"]["mapping"]
    }
    assert told == {"telnet": "block", "office": "business", "ping": "business"}
    text = policies.text
    for identifier in (*by_poc, "telnet", "web", "ping", "business", "block"):
        assert f'"{identifier}"' in text, (identifier, text)


async def _patched(client: Any, service: str, **members: Any) -> None:
    answer = await client.http.patch(f"{FACE_C}/service/{service}", json=members, headers={"If-Match": "*"})
    assert answer.status_code == 202, answer.text
    await client.until(service, "active")


async def _written_back(client: Any, service: str) -> None:
    """End points as Face A shows them can be ordered as they are, and nothing changes."""
    shown = (await client.service(service))["end-point"]
    for end in shown:
        given = {name: value for name, value in end.items() if not name.endswith("-state")}
        answer = await client.call("update-connectivity-service", {"service-id-or-name": service, "end-point": given})
        assert answer.status_code == 200, answer.text
        await client.until(service, "active")
    assert (await client.service(service))["end-point"] == shown


async def test_roles_are_told_as_they_are(mef: Any, client: Any, order: Any, example: Any) -> None:
    order["connectivity-constraint"]["service-type"] = "ROOTED_MULTIPOINT_CONNECTIVITY"
    for end, role in zip(order["end-point"], ("ROOT", "LEAF"), strict=True):
        end["role"] = role
    await client.call("create-connectivity-service", order)
    await client.until("acme", "active")
    ends = [
        {"identifier": "a", "uni": "site-a-lan0", "role": "leaf"},
        {"identifier": "b", "uni": "site-b-lan0", "role": "root"},
    ]
    await _patched(client, "acme", endPoints=ends)
    assert [end["role"] for end in (await client.service("acme"))["end-point"]] == ["LEAF", "ROOT"]
    await _written_back(client, "acme")
    await client.call("delete-connectivity-service", {"service-id-or-name": "acme"})
    await client.until_gone("acme")
    await mef.ended((await mef.place(example))["id"])
    assert {end["role"] for end in (await client.service("acme-office"))["end-point"]} == {"SYMMETRIC"}


async def test_an_end_point_that_was_moved_names_its_present_uni(client: Any, order: Any) -> None:
    """In the client's own words as long as these mean it, whichever face moved it."""

    async def told() -> tuple[str, str]:
        end = (await client.service("acme"))["end-point"][0]
        sip = end["service-interface-point"]["service-interface-point-uuid"]
        return sip, end["swvc-endpoint-attributes"]["endpoint-uni"]

    def uni(number: int) -> str:
        return f"0000000{number}-0000-4000-8000-000000000000"

    await client.call("create-connectivity-service", order)
    await client.until("acme", "active")
    assert await told() == (uni(1), "site-a-lan0")
    for name, number, shown in (("site-a-lan0", 1, "site-a-lan0"), ("site-c-lan0", 3, uni(3))):
        ends = [{"identifier": "a", "uni": name}, {"identifier": "b", "uni": "site-b-lan0"}]
        await _patched(client, "acme", endPoints=ends)
        assert await told() == (uni(number), shown)
        await _written_back(client, "acme")
    for member, shown in (
        ({"service-interface-point": {"service-interface-point-uuid": "site-d-lan0"}}, uni(4)),
        ({"swvc-endpoint-attributes": {"endpoint-uni": "site-a-lan0"}}, "site-a-lan0"),
        ({"service-interface-point": {"service-interface-point-uuid": uni(4)}}, uni(4)),
    ):
        change = {"service-id-or-name": "acme", "end-point": {"local-id": "a", **member}}
        answer = await client.call("update-connectivity-service", change)
        assert answer.status_code == 200, answer.text
        await client.until("acme", "active")
        assert (await told())[1] == shown
        await _written_back(client, "acme")


async def test_no_service_takes_the_name_of_the_underlays(
    mef: Any, client: Any, order: Any, example: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has it from before keeps it, and can be changed."""
    swvc = next(
        item for item in example["serviceOrderItem"] if "swVcIdentifier" in item["service"]["serviceConfiguration"]
    )
    swvc["service"]["serviceConfiguration"]["swVcIdentifier"] = "underlays"
    (problem,) = await mef.refused(example)
    assert "is reserved" in problem["reason"]
    await client.call("create-connectivity-service", order)
    await client.until("acme", "active")
    rename = {"service-id-or-name": "acme", "swvc-service-attributes": {"swvc-identifier": "underlays"}}
    refused = await client.call("update-connectivity-service", rename)
    assert refused.status_code == 409
    (error,) = refused.json()["ietf-restconf:errors"]["error"]
    assert error["error-tag"] == "data-exists"
    with monkeypatch.context() as earlier:
        earlier.setattr(check, "RESERVED", "")
        assert (await client.call("update-connectivity-service", rename)).status_code == 200
    await client.until("underlays", "active")
    await _patched(client, "underlays", mtu=1300)
    same = {**rename, "service-id-or-name": "underlays"}
    assert (await client.call("update-connectivity-service", same)).status_code == 200
