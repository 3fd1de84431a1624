"""Two tenants and the operator on all faces: whose a service, an order and a listener are decides who sees them."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from presto.auth.scopes import walk
from presto.extensions.events import Streams, Wanted
from presto.restconf.identity import topology_id

from .conftest import Door

pytestmark = pytest.mark.asyncio
ORDERING = "/mefApi/legato/serviceOrderingManagement/v6"
INVENTORY = "/mefApi/legato/serviceInventory/v7"
DOCS = Path(__file__).parents[4] / "docs" / "presto-mef.md"
EXAMPLE: Any = json.loads(re.findall(r"```json\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)[0])
OURS, THEIRS, ALL = "acme-portal", "globex-portal", "operator"


async def listed(door: Door, client: str, path: str) -> set[str]:
    answer = await door.ask(client, "GET", path)
    assert answer.status_code == 200, answer.text
    found = {thing["id"] for thing in answer.json()}
    assert answer.headers["x-total-count"] == str(len(found))
    return found


async def test_an_order_is_its_tenants(door: Door) -> None:
    placed = await door.ask(OURS, "POST", f"{ORDERING}/serviceOrder", json=EXAMPLE)
    assert placed.status_code == 201, placed.text
    order = placed.json()["id"]
    services = {item["service"]["id"] for item in placed.json()["serviceOrderItem"]}
    for client, sees in ((OURS, True), ("acme-watch", True), (ALL, True), (THEIRS, False)):
        status = 200 if sees else 404
        assert await listed(door, client, f"{ORDERING}/serviceOrder") == ({order} if sees else set())
        assert (await door.ask(client, "GET", f"{ORDERING}/serviceOrder/{order}")).status_code == status
        there = await listed(door, client, f"{INVENTORY}/service")
        made = services - {uni.id for uni in door.core.inventory.unis}
        assert (there & made == made) is sees
        assert not sees or made <= there
        for service in made:
            assert (await door.ask(client, "GET", f"{INVENTORY}/service/{service}")).status_code == status
        query = f"serviceOrder.id={order}&serviceOrderItem.id={EXAMPLE['serviceOrderItem'][0]['id']}"
        assert bool(await listed(door, client, f"{INVENTORY}/service?{query}")) is sees


async def test_no_answer_of_another_tenant_holds_a_word_of_it(door: Door) -> None:
    """Every operation that reads is asked; ids and names of the other tenant are in no answer."""
    placed = await door.ask(OURS, "POST", f"{ORDERING}/serviceOrder", json=EXAMPLE)
    words = [placed.json()["id"], "site-a-lan0", "00000001-0000-4000-8000-000000000000"]
    words += [item["service"].get("id", "") for item in placed.json()["serviceOrderItem"]]
    common = {"00000002-0000-4000-8000-000000000000"}
    name = (await door.call(OURS, "get-connectivity-service-list")).json()["output"]["service"][0]["name"][0]["value"]
    for path in ("/serviceOrder", "/service"):
        base = ORDERING if path == "/serviceOrder" else INVENTORY
        text = (await door.ask(THEIRS, "GET", base + path)).text
        assert not [word for word in {*words, name} - common if word and word in text], path
    for operation in sorted(door.operations.scopes):
        if operation.startswith("get-"):
            for given in ({}, {"service-id-or-name": "x"}, {"sip-id-or-name": "x"}, {"topology-id-or-name": "x"}):
                text = (await door.call(THEIRS, operation, given)).text
                assert not [word for word in {*words, name} - common if word and word in text], operation


def _named_alike(order: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The order for each tenant, on its own UNIs."""
    made = []
    for client, sites in ((OURS, (1, 2)), (THEIRS, (3, 4))):
        mine = copy.deepcopy(order)
        for end, site in zip(mine["end-point"], sites, strict=True):
            uuid = f"0000000{site}-0000-4000-8000-000000000000"
            end["service-interface-point"] = {"service-interface-point-uuid": uuid}
            end["swvc-endpoint-attributes"].pop("endpoint-uni", None)
        made.append((client, mine))
    return made


async def test_a_name_that_two_tenants_have_names_no_service(door: Door, order: dict[str, Any]) -> None:
    """The operator sees both: neither of them is shown, changed or removed by that name."""
    ids = []
    for client, mine in _named_alike(order):
        placed = await door.call(client, "create-connectivity-service", mine)
        assert placed.status_code == 200, placed.text
        ids.append(placed.json()["output"]["service"]["uuid"])
    hint = "Give the id: {}, {}.".format
    wanted = {"service-id-or-name": "acme"}
    for operation, given in (
        ("get-connectivity-service-details", wanted),
        ("update-connectivity-service", {**wanted, "state": "LOCKED"}),
        ("delete-connectivity-service", wanted),
        ("get-connection-details", {**wanted, "connection-id-or-name": "a--b"}),
        ("get-topology-details", {"topology-id-or-name": "acme"}),
        ("get-node-details", {"topology-id-or-name": "acme", "node-id-or-name": "site-a"}),
    ):
        answer = await door.call(ALL, operation, given)
        assert answer.status_code == 409, (operation, answer.text)
        (error,) = answer.json()["ietf-restconf:errors"]["error"]
        assert (error["error-type"], error["error-tag"]) == ("application", "in-use")
        member = next(iter(given))
        assert error["error-path"].endswith(f":input/{member}")
        topologies = "topology" in member
        known = hint(*map(topology_id, ids)) if topologies else hint(*ids)
        kind = "topologies" if topologies else "services"
        assert error["error-message"] == f'2 {kind} are called "acme". {known}'
    base, anyhow = "/presto-sdwan/v1", {"headers": {"If-Match": "*"}}
    for method, path, values in (
        ("GET", "/service/acme", {}),
        ("PATCH", "/service/acme", {"json": {"mtu": 1300}, **anyhow}),
        ("DELETE", "/service/acme", anyhow),
        ("GET", "/service/acme/effectivePolicy", {}),
        ("GET", "/service/acme/flowTable", {}),
        ("GET", "/tunnel?service=acme", {}),
        ("GET", "/vnfChain?service=acme", {}),
    ):
        answer = await door.ask(ALL, method, base + path, **values)
        assert answer.status_code == 409, (path, answer.text)
        assert answer.json()["findings"] == [
            {"pointer": "/service", "message": '2 services are called "acme"', "hint": hint(*ids)}
        ]
        described = (await door.ask(ALL, "GET", f"{base}/openapi.json")).json()["paths"]
        template = path.partition("?")[0].replace("acme", "{service_id}")
        assert "409" in described[template][method.lower()]["responses"], path
    for client in (OURS, THEIRS):
        assert (await door.call(client, "get-connectivity-service-details", wanted)).status_code == 200
    for service in ids:
        named = {"service-id-or-name": service}
        assert (await door.call(ALL, "get-connectivity-service-details", named)).status_code == 200


async def test_a_name_that_two_tenants_have_names_no_path(door: Door) -> None:
    ids = []
    for client in (OURS, THEIRS):
        seps = [{"service-interface-point": {"service-interface-point-uuid": f"site-{name}-lan0"}} for name in "bd"]
        computed = await door.call(client, "compute-p-2-p-path", {"sep": seps})
        assert computed.status_code == 200, computed.text
        ids.append(computed.json()["output"]["service"]["uuid"])
    wanted = {"path-id-or-name": "site-b-lan0--site-d-lan0"}
    for operation in ("optimize-p-2-p-path", "delete-p-2-p-path"):
        answer = await door.call(ALL, operation, wanted)
        assert answer.status_code == 409, answer.text
        (error,) = answer.json()["ietf-restconf:errors"]["error"]
        assert error["error-path"] == "/tapi-path-computation:input/path-id-or-name"
        hint = f"Give the id: {ids[0]}, {ids[1]}."
        assert error["error-message"] == f'2 path computations are called "{wanted["path-id-or-name"]}". {hint}'
    assert (await door.call(THEIRS, "optimize-p-2-p-path", wanted)).json()["output"]["service"]["uuid"] == ids[1]
    assert (await door.call(ALL, "delete-p-2-p-path", {"path-id-or-name": ids[0]})).status_code == 200
    assert (await door.call(ALL, "delete-p-2-p-path", wanted)).status_code == 200


async def test_who_only_reads_fills_no_places_of_computed_paths(door: Door) -> None:
    seps = [{"service-interface-point": {"service-interface-point-uuid": f"site-{name}-lan0"}} for name in "bd"]
    assert (await door.call("acme-watch", "compute-p-2-p-path", {"sep": seps})).status_code == 403
    assert (await door.call(OURS, "compute-p-2-p-path", {"sep": seps})).status_code == 200


async def test_another_tenants_service_cannot_be_changed(door: Door, order: dict[str, Any]) -> None:
    placed = await door.call(OURS, "create-connectivity-service", order)
    assert placed.status_code == 200, placed.text
    service = placed.json()["output"]["service"]["uuid"]
    for name in (service, "acme"):
        for operation in ("update", "delete"):
            answer = await door.call(THEIRS, f"{operation}-connectivity-service", {"service-id-or-name": name})
            assert answer.status_code == 404, answer.text
    modify = {"action": "modify", "id": "1", "service": {"id": service, "serviceConfiguration": _swvc("acme")}}
    answer = await door.ask(THEIRS, "POST", f"{ORDERING}/serviceOrder", json=_order(modify))
    assert answer.status_code == 422
    assert "referenceNotFound" in answer.text
    assert (
        await door.call(OURS, "get-connectivity-service-details", {"service-id-or-name": "acme"})
    ).status_code == 200


async def test_an_order_with_another_tenants_uni(door: Door, order: dict[str, Any]) -> None:
    for end in order["end-point"]:
        end["swvc-endpoint-attributes"].pop("endpoint-uni", None)
    answer = await door.call(THEIRS, "create-connectivity-service", order)
    assert answer.status_code == 400
    assert "There is no UNI" in answer.text
    assert "site-a-lan0" not in answer.text
    answer = await door.ask(THEIRS, "POST", f"{ORDERING}/serviceOrder", json=EXAMPLE)
    assert answer.status_code == 422
    told = [problem for problem in answer.json() if problem["code"] == "referenceNotFound"]
    assert told, answer.text


async def test_uni_of_another_tenant_is_not_shown(door: Door) -> None:
    sips = (await door.call(THEIRS, "get-service-interface-point-list")).json()["output"]["sip"]
    assert [sip["name"][0]["value"] for sip in sips] == ["site-b-lan0", "site-c-lan0", "site-d-lan0"]
    details = await door.call(THEIRS, "get-service-interface-point-details", {"sip-id-or-name": "site-a-lan0"})
    assert details.status_code == 404
    assert (await door.ask(THEIRS, "GET", "/presto-sdwan/v1/edge/site-a")).status_code == 404
    assert (await door.ask(OURS, "GET", "/presto-sdwan/v1/edge/site-a")).status_code == 200


async def test_how_a_ucpe_is_managed_is_told_to_the_operator_only(door: Door, order: dict[str, Any]) -> None:
    """Everything that can be read without a body is read by both."""
    placed = await door.call(OURS, "create-connectivity-service", order)
    service = placed.json()["output"]["service"]["uuid"]
    given = {"edge_id": "site-a", "service_id": service, "id": service}
    reads = {path for path, route in walk(door.app.routes) if "GET" in (route.methods or ())}
    finite = {path for path in reads if not path.endswith(("stream", "openapi.json"))}
    paths = {re.sub(r"{(\w+)}", lambda name: given[name[1]], path) for path in finite}
    assert {"/presto-sdwan/v1/edge/site-a/health", f"/presto-sdwan/v1/service/{service}/flowTable"} <= paths
    (site,) = [ucpe for ucpe in door.core.inventory.ucpes if ucpe.id == "site-a"]
    managed = [site.docker, site.ovsdb, site.openflow, site.docker.split("/")[-1].split(":")[0], site.bridge]
    told: dict[str, set[str]] = {OURS: set(), ALL: set()}
    for client in told:
        for path in sorted(paths):
            answer = (await door.ask(client, "GET", path)).text
            told[client] |= {f"{path} {word}" for word in managed if word in answer}
        for operation in (name for name in door.operations.scopes if name.startswith("get-")):
            answer = (await door.call(client, operation, {"topology-id-or-name": "underlays"})).text
            told[client] |= {f"{operation} {word}" for word in managed if word in answer}
    assert told[OURS] == set()
    edges = "/presto-sdwan/v1/edge"
    assert {f"{path} {word}" for path in (edges, f"{edges}/site-a") for word in managed} <= told[ALL]
    assert f"{edges}/site-a/health {site.docker}" in told[ALL]
    mine = (await door.ask(OURS, "GET", f"{edges}/site-a")).json()
    assert mine["docker"] is None
    assert mine["unis"][0]["name"] == "site-a-lan0"
    healthy = (await door.ask(OURS, "GET", f"{edges}/site-a/health")).json()
    assert [end["reachable"] for end in healthy["endpoints"]] == [True] * 3


async def test_what_a_service_of_another_tenant_uses_is_not_told_to_be_free(door: Door, order: dict[str, Any]) -> None:
    assert (await door.call(OURS, "create-connectivity-service", order)).status_code == 200
    node = {"topology-id-or-name": "underlays", "node-id-or-name": "site-b"}
    for uni, told in (("site-b", "used by a service of another tenant"), ("site-d", "no service uses it")):
        given = {**node, "node-id-or-name": uni, "ep-id-or-name": f"{uni}-lan0"}
        point = (await door.call(THEIRS, "get-node-edge-point-details", given)).json()["output"]["node-edge-point"]
        assert {"value-name": "lso-observed", "value": f"unknown: {told}"} in point["name"]
    shown = (await door.call(THEIRS, "get-node-details", node)).json()["output"]["node"]
    assert {"value-name": "lso-observed", "value": "unknown: used by a service of another tenant"} in shown["name"]


async def test_of_two_services_of_one_name_each_is_seen_on_its_own_unis(door: Door, order: dict[str, Any]) -> None:
    for client, mine in _named_alike(order):
        assert (await door.call(client, "create-connectivity-service", mine)).status_code == 200
        named = {"service-id-or-name": "acme"}
        async with asyncio.timeout(60):
            while '"active"' not in (await door.call(client, "get-connectivity-service-details", named)).text:
                await asyncio.sleep(0.01)
    topology = (await door.call(ALL, "get-topology-details", {"topology-id-or-name": "underlays"})).json()
    points = [point for node in topology["output"]["topology"]["node"] for point in node["owned-node-edge-point"]]
    unis = [point for point in points if "mapped-service-interface-point" in point]
    assert [uni.get("operational-state") for uni in unis] == ["ENABLED"] * 4


async def test_a_listener_is_its_tenants(door: Door) -> None:
    body = {"callback": "https://listener.example/x"}
    made = await door.ask(OURS, "POST", f"{ORDERING}/hub", json=body)
    assert made.status_code == 201, made.text
    path = f"{ORDERING}/hub/{made.json()['id']}"
    assert (await door.ask(THEIRS, "GET", path)).status_code == 404
    assert (await door.ask(THEIRS, "DELETE", path)).status_code == 404
    assert (await door.ask(ALL, "GET", path)).status_code == 200
    assert (await door.ask(OURS, "DELETE", path)).status_code == 204


async def test_only_the_operator_enrols(door: Door) -> None:
    """`globex-portal` is an admin, of its tenant only."""
    assert (await door.ask(THEIRS, "POST", "/presto-sdwan/v1/edge", json={})).status_code == 403
    assert (await door.ask(ALL, "POST", "/presto-sdwan/v1/edge", json={})).status_code == 422


def _order(item: dict[str, Any]) -> dict[str, Any]:
    return {**copy.deepcopy(EXAMPLE), "serviceOrderItem": [item]}


def _swvc(name: str) -> dict[str, Any]:
    items = [item["service"]["serviceConfiguration"] for item in copy.deepcopy(EXAMPLE)["serviceOrderItem"]]
    found: dict[str, Any] = next(item for item in items if "swVcIdentifier" in item)
    return {**found, "swVcIdentifier": name}


async def test_the_stream_of_a_tenant_has_its_own_events(door: Door) -> None:
    placed = await door.ask(OURS, "POST", f"{ORDERING}/serviceOrder", json=EXAMPLE)
    order, last = placed.json()["id"], door.core.events.last_stored()
    assert last > 0
    router = Streams(door.core.events)
    for tenant, hears in (("acme", True), (None, True), ("globex", False)):
        frames = await router.open(0, Wanted(frozenset(), frozenset(), tenant))
        if hears:
            async with asyncio.timeout(60):
                assert order in await _event(frames, order)
        else:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await _event(frames, "data:")


async def test_a_notification_of_another_tenant_is_not_sent(door: Door) -> None:
    """Listeners of both tenants and of the operator on one real HTTP server: who was told of the order?"""
    told: dict[str, list[str]] = {"acme": [], "globex": [], "all": []}

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(re.findall(r"(?i)content-length: (\d+)", head)[0])
        told[head.split("/")[1]].append((await reader.readexactly(length)).decode())
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(hear, "127.0.0.1", 0)
    async with server:
        base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for client, name in ((OURS, "acme"), (THEIRS, "globex"), (ALL, "all")):
            made = await door.ask(client, "POST", f"{ORDERING}/hub", json={"callback": f"{base}/{name}"})
            assert made.status_code == 201, made.text
        placed = await door.ask(OURS, "POST", f"{ORDERING}/serviceOrder", json=EXAMPLE)
        assert placed.status_code == 201, placed.text
        async with asyncio.timeout(20):
            while not all(any("completed" in body for body in told[name]) for name in ("acme", "all")):
                await asyncio.sleep(0.01)
    assert told["acme"] == told["all"]
    assert told["globex"] == []


async def _event(frames: AsyncIterator[bytes], word: str) -> str:
    """The first frame with that word in it."""
    async for frame in frames:
        if word in frame.decode():
            return frame.decode()
    raise EOFError
