"""Services of this face: pages, entity tags, changes that are guarded by them, effective policies, flow tables."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import pytest_asyncio

from common.findings import MAX_REPORTED
from orchestrator.model import DeploymentObservation, FlowObservation, PortObservation, ServiceObservation
from orchestrator.plan import service_cookie


@pytest_asyncio.fixture
async def acme(client: Any, order: dict[str, Any]) -> dict[str, Any]:
    """The documented service, active."""
    assert (await client.call("create-connectivity-service", order)).status_code == 200
    found: dict[str, Any] = await client.until("acme", "active")
    return found


async def tag_of(face: Any, service: str = "acme") -> str:
    answer = await face.http.get(f"/presto-sdwan/v1/service/{service}")
    assert answer.status_code == 200
    return str(answer.headers["etag"])


@pytest.mark.asyncio
async def test_a_service_as_another_face_ordered_it(face: Any, acme: Any) -> None:
    found = await face.get("/service/acme")
    assert (found["name"], found["state"], found["generation"]) == ("acme", "active", 1)
    assert [end["working"] for end in found["endPoints"]] == [True, True]
    assert found["policyMap"][0] == {"application": "telnet", "policy": "block"}
    assert await face.get(f"/service/{found['id']}") == found


@pytest.mark.asyncio
async def test_a_change_needs_the_tag_of_what_it_was_made_from(client: Any, face: Any, acme: Any) -> None:
    first = await tag_of(face)
    assert "If-Match" in (await face.problem("PATCH", "/service/acme", 428, json={"mtu": 1300}))["detail"]
    changed = await face.call("PATCH", "/service/acme", 202, json={"mtu": 1300}, headers={"If-Match": first})
    assert (changed["mtu"], changed["generation"]) == (1300, 2)
    await client.until("acme", "active")
    await face.problem("PATCH", "/service/acme", 412, json={"mtu": 1200}, headers={"If-Match": first})
    await face.problem("DELETE", "/service/acme", 412, headers={"If-Match": first})
    await face.problem("DELETE", "/service/acme", 428)
    second = await tag_of(face)
    assert second != first
    assert (await face.get("/service/acme"))["mtu"] == 1300
    await face.call("DELETE", "/service/acme", 202, headers={"If-Match": f'"other", {second}'})
    await client.until_gone("acme")


@pytest.mark.asyncio
async def test_of_two_changes_from_the_same_state_one_wins(client: Any, face: Any, acme: Any) -> None:
    headers = {"If-Match": await tag_of(face)}
    url = "/presto-sdwan/v1/service/acme"
    answers = await asyncio.gather(*(face.http.patch(url, json={"mtu": mtu}, headers=headers) for mtu in (1300, 1301)))
    assert sorted(answer.status_code for answer in answers) == [202, 412]


@pytest.mark.asyncio
async def test_policies_are_changed_in_the_network(client: Any, face: Any, network: Any, acme: Any) -> None:
    uni = (await face.get("/service/acme"))["endPoints"]
    ends = [{name: end[name] for name in ("identifier", "uni", "role", "policyMap")} for end in uni]
    ends[0]["policyMap"] = [{"application": "web", "policy": "block"}]
    await face.call("PATCH", "/service/acme", 202, json={"endPoints": ends}, headers={"If-Match": "*"})
    await client.until("acme", "active")
    (request,) = network.deployed.values()
    rules = {rule["id"]: rule["action"] for rule in request.deployments[0].inputs["firewall_rules"]}
    assert (rules["web"], rules["web-from-b"]) == ("deny", "allow")
    details = await client.call("get-connectivity-service-details", {"service-id-or-name": "acme"})
    assert details.json()["output"]["service"]["end-point"][0]["layer-protocol-name"] == "ETH", "Face A's own is kept"

    effective = await face.get("/service/acme/effectivePolicy")
    at_a, at_b = effective["endPoints"]
    assert [(flow["flow"], flow["action"]) for flow in at_a["flows"]] == [
        ("telnet", "block"),
        ("web", "block"),
        ("ping", "allow"),
    ]
    assert [flow["action"] for flow in at_b["flows"]] == ["block", "allow", "allow"]
    assert "override" in at_a["flows"][1]["reasons"][0]["text"]
    assert at_a["flows"][1]["firewallRules"] == ["web"]
    assert 'group "office"' in at_b["flows"][1]["reasons"][0]["text"]
    assert {flow["reasons"][0]["rule"] for flow in at_a["flows"]} == {"MEF 70 R54"}
    assert at_a["otherwise"]["rule"] == "MEF 70 R45"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("form", "pointers"),
    [
        ({"mtu": 9000}, ["/mtu"]),
        ({"mtu": "1400"}, ["/mtu"]),
        ({"policyMap": [{"application": "fax", "policy": "secure"}]}, ["/policyMap/0/application"]),
        ({"endPoints": []}, ["/endPoints"]),
        ({"colour": "blue"}, ["/colour"]),
        ({"policies": [{"identifier": "secure", "criteria": []}], "mtu": 1}, ["/mtu", "/policies/0/criteria"]),
    ],
)
async def test_changes_that_cannot_be_made(face: Any, acme: Any, form: Any, pointers: list[str]) -> None:
    body = await face.problem("PATCH", "/service/acme", 422, json=form, headers={"If-Match": "*"})
    assert [finding["pointer"] for finding in body["findings"]] == pointers


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("method", "path", "body", "pointers"),
    [
        (
            "PATCH",
            "/service/acme",
            {"policyMap": [{"application": "\ud800", "policy": "b\0"}]},
            ["/policyMap/0/application", "/policyMap/0/policy"],
        ),
        (
            "PATCH",
            "/service/acme",
            {"policyMap": [{"\udfff": "a", "policy": "block"}], "\ud800": 1},
            ["", "/policyMap/0"],
        ),
        ("POST", "/explain", {"service": "a\ud800"}, ["/service"]),
        ("POST", "/bulk", {"orders": [{"externalId": "\ud800"}]}, ["/orders/0/externalId"]),
        ("POST", "/serviceOrder/x/cancel", ["\ud800"], ["/0"]),
        ("PATCH", "/service/acme", "\ud800", [""]),
    ],
)
async def test_texts_that_are_none(face: Any, method: str, path: str, body: Any, pointers: Any) -> None:
    content, headers = json.dumps(body), {"If-Match": "*", "content-type": "application/json"}
    told = await face.problem(method, path, 422, content=content, headers=headers)
    assert [finding["pointer"] for finding in told["findings"]] == pointers
    assert all("contains NUL" in finding["message"] for finding in told["findings"])


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "form",
    [
        {"policyMap": [1] * (MAX_REPORTED + 7)},
        {"policyMap": [{"application": f"fax-{number}", "policy": "secure"} for number in range(MAX_REPORTED + 7)]},
    ],
)
async def test_so_many_findings_are_told_and_no_more(face: Any, acme: Any, form: Any) -> None:
    body = await face.problem("PATCH", "/service/acme", 422, json=form, headers={"If-Match": "*"})
    *findings, last = body["findings"]
    assert len(findings) == MAX_REPORTED
    assert findings[-1]["pointer"].startswith(f"/policyMap/{MAX_REPORTED - 1}")
    assert last == {"pointer": "", "message": "More than 1000 things are wrong", "hint": "Correct these first."}


@pytest.mark.asyncio
async def test_pages(client: Any, face: Any, order: dict[str, Any], acme: Any) -> None:
    order["swvc-service-attributes"]["swvc-identifier"] = "other"
    for end_point, number in zip(order["end-point"], (3, 4), strict=True):
        uuid = f"0000000{number}-0000-4000-8000-000000000000"
        end_point["service-interface-point"] = {"service-interface-point-uuid": uuid}
        end_point["swvc-endpoint-attributes"].pop("endpoint-uni", None)
    assert (await client.call("create-connectivity-service", order)).status_code == 200
    answer = await face.http.get("/presto-sdwan/v1/service?limit=1")
    assert [service["name"] for service in answer.json()] == ["acme"]
    link = answer.headers["link"].removeprefix("<").partition(">")[0]
    rest = await face.http.get(f"/presto-sdwan/v1/{link}")
    assert [service["name"] for service in rest.json()] == ["other"]
    assert "link" not in rest.headers
    await face.problem("GET", "/service?limit=0", 422)
    await face.problem("GET", "/service?after=nothing", 404)
    await face.problem("GET", "/service/nothing", 404)


@pytest.mark.asyncio
async def test_a_service_that_goes_while_it_is_listed_is_left_out(
    client: Any, face: Any, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def service_ids() -> tuple[str, ...]:
        return "gone-meanwhile", acme["uuid"]

    monkeypatch.setattr(client.core, "service_ids", service_ids)
    assert [service["id"] for service in await face.get("/service")] == [acme["uuid"]]


@pytest.mark.asyncio
async def test_rules_are_traced_to_the_change_and_strangers_are_marked(
    client: Any, face: Any, network: Any, acme: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = acme["uuid"]
    ports = tuple(PortObservation(f"fw-{role}", "firewall", role, 0, 1, None, None) for role in ("lan", "wan"))
    own = FlowObservation(service_cookie(service, 1), 100, "lan0", "fw-lan", 7, 700, 1.5, "priority=100,in_port=1")
    strange = FlowObservation(0x77, 5, "any", "drop", 0, 0, 9.0, "table=0,priority=5,any → drop")

    async def observe(service_id: str) -> ServiceObservation:
        site = DeploymentObservation("site-a", "poc-site", ports=ports, flows=(own,), foreign=(strange,))
        return ServiceObservation(service_id, "acme", 1, (site,))

    monkeypatch.setattr(network, "observe", observe)
    at_a, at_b = (await face.get("/service/acme/flowTable"))["switches"]
    first, second = at_a["rules"]
    assert (first["joint"], first["foreign"], first["generation"]) == ("LAN → firewall", False, 1)
    assert first["cookie"] == f"0x{service[:8]}00000001"
    assert (second["joint"], second["foreign"], second["generation"]) == (None, True, None)
    assert at_b["problem"] == "nothing is deployed"
