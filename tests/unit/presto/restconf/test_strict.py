"""Strict mode: exactly the published members and statuses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio

import standards
from presto.domain.settings import Settings
from presto.restconf.operations import OPERATIONS
from presto.service.core import Core
from presto.web.app import create_app

from .documents import objects

pytestmark = pytest.mark.asyncio
YANG = "application/yang-data+json"
DETAILS = "get-connectivity-service-details"
UPDATE = "update-connectivity-service"
ACME = {"service-id-or-name": "acme"}
SEPS = [{"service-interface-point": {"service-interface-point-uuid": f"site-{name}-lan0"}} for name in "ab"]
PATH = {"path-id-or-name": "site-a-lan0--site-b-lan0"}


class Strict:
    """Calls operations of a strict server."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def call(self, operation: str, values: Any = None, media: str = YANG, **headers: str) -> httpx.Response:
        content = None if values is None else json.dumps({"input": values})
        sent = {**({"content-type": media} if content else {}), **headers}
        return await self.http.post(f"/restconf/operations/{operation}/", content=content, headers=sent)


@pytest_asyncio.fixture
async def strict(new_core: Callable[..., Core], order: dict[str, Any]) -> AsyncIterator[Strict]:
    """With an active service `acme`."""
    app = create_app(new_core(Settings(strict=True)))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http,
    ):
        client = Strict(http)
        assert (await client.call("create-connectivity-service", order)).status_code == 200
        async with asyncio.timeout(60):
            while (await client.call(DETAILS, ACME)).json()["output"]["service"]["lifecycle-state"] != "INSTALLED":
                await asyncio.sleep(0.002)
        yield client


def names(document: Any) -> list[str]:
    """The names of all pairs."""
    return [found["value-name"] for found in objects(document) if "value-name" in found]


GOOD: list[tuple[str, Any]] = [
    ("get-service-interface-point-list", None),
    ("get-service-interface-point-details", {"sip-id-or-name": "site-a-lan0"}),
    ("get-connectivity-service-list", None),
    (DETAILS, ACME),
    (UPDATE, {**ACME, "state": "UNLOCKED"}),
    ("get-topology-list", None),
    ("get-topology-details", {"topology-id-or-name": "underlays"}),
    ("get-node-details", {"topology-id-or-name": "acme", "node-id-or-name": "site-a"}),
    ("get-link-details", {"topology-id-or-name": "acme", "link-id-or-name": "a--b"}),
    (
        "get-node-edge-point-details",
        {"topology-id-or-name": "acme", "node-id-or-name": "site-a", "ep-id-or-name": "to-b"},
    ),
    ("get-connection-details", {**ACME, "connection-id-or-name": "a--b"}),
    ("compute-p-2-p-path", {"sep": SEPS}),
    ("optimize-p-2-p-path", PATH),
    ("delete-p-2-p-path", PATH),
]


async def test_answers_have_no_pairs_of_ours(strict: Strict) -> None:
    for operation, values in GOOD:
        answer = await strict.call(operation, values)
        assert (answer.status_code, answer.headers["content-type"]) == (200, YANG), operation
        assert set(names(answer.json())) <= {"name"}, operation


async def test_a_strict_server_can_be_used_to_the_end(strict: Strict) -> None:
    assert (await strict.call("delete-connectivity-service", ACME)).status_code == 201
    lock = {"sip-id-or-name": "site-d-lan0", "state": "LOCKED"}
    assert (await strict.call("update-service-interface-point", lock)).status_code == 201


BAD: list[tuple[str, Any]] = [
    ("create-connectivity-service", {}),
    ("create-connectivity-service", {"swvc-service-attributes": {"swvc-identifier": "acme"}}),
    (DETAILS, {"service-id-or-name": "nothing"}),
    (DETAILS, {"service": "acme"}),
    ("delete-connectivity-service", {"service-id-or-name": "nothing"}),
    ("update-service-interface-point", {"sip-id-or-name": "site-a-lan0", "state": "LOCKED"}),
    ("get-topology-details", {"topology-id-or-name": "nothing"}),
    ("get-connection-details", {**ACME, "connection-id-or-name": "nothing"}),
    ("compute-p-2-p-path", {}),
    ("optimize-p-2-p-path", PATH),
    ("delete-p-2-p-path", PATH),
    # our additions to the update
    (UPDATE, {**ACME, "swvc-service-attributes": {"mtu": 1300}}),
    (UPDATE, {**ACME, "end-point": {"local-id": "a", "swvc-endpoint-attributes": {"endpoint-identifier": "a"}}}),
]


@pytest.mark.parametrize(("operation", "values"), BAD)
async def test_everything_that_is_wrong_is_400_without_a_body(strict: Strict, operation: str, values: Any) -> None:
    answer = await strict.call(operation, values)
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (400, b"", YANG)


async def test_the_published_media_type_is_the_only_one(strict: Strict) -> None:
    assert (await strict.call(DETAILS, ACME, media="application/json")).status_code == 400
    assert (await strict.call(DETAILS, ACME, accept="application/json")).status_code == 400
    assert (await strict.call(DETAILS, {"service-id-or-name": "x" * (1 << 20)})).status_code == 400


async def test_what_is_no_answer_of_an_operation_keeps_its_status(strict: Strict) -> None:
    for method, path, status in (
        ("GET", f"/restconf/operations/{DETAILS}/", 405),
        ("POST", "/restconf/operations/get-everything/", 404),
        ("POST", "/restconf/data/", 405),
    ):
        answer = await strict.http.request(method, path)
        assert (answer.status_code, answer.content) == (status, b"")
    refused = await strict.http.post(f"/restconf/operations/{DETAILS}/", headers={"host": "evil.example"})
    assert (refused.status_code, refused.content) == (403, b"")


async def test_other_faces_keep_their_errors(strict: Strict) -> None:
    answer = await strict.http.get("/mefApi/legato/serviceOrderingManagement/v6/serviceOrder/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "notFound")


async def test_the_published_statuses_are_those_of_strict_mode() -> None:
    document = standards.load(standards.PRESTO)
    statuses = {int(status) for path in document["paths"].values() for status in path["post"]["responses"]}
    assert statuses == {200, 201, 400}
    assert len(OPERATIONS) == 17
