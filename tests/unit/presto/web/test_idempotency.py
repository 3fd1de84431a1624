"""A repeated request is answered as the first time and carried out once, on every face, whatever happens in between."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from presto.domain.settings import Settings
from presto.web.app import create_app

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True),
]

OPERATIONS = "/restconf/operations/"
ORDERS = "/mefApi/legato/serviceOrderingManagement/v6/serviceOrder"
HUB = "/mefApi/legato/serviceInventory/v7/hub"
YANG, JSON = "application/yang-data+json", "application/json"
KEY = '"8e03978e-40d5-43e8-bc93-6894a57f9324"'
DOCUMENT = (Path(__file__).parents[4] / "docs" / "presto-mef.md").read_text(encoding="utf-8")


@pytest.fixture
def mef_order() -> Any:
    return json.loads(DOCUMENT.split("```json\n")[1].split("```")[0])


async def send(http: httpx.AsyncClient, path: str, body: Any, *keys: str) -> httpx.Response:
    media = YANG if path.startswith(OPERATIONS) else JSON
    headers = [(b"content-type", media.encode()), *((b"idempotency-key", key.encode("latin-1")) for key in keys)]
    content = json.dumps({"input": body} if path.startswith(OPERATIONS) else body)
    return await http.post(path, content=content, headers=headers)


def told(answer: httpx.Response) -> tuple[int, str | None, bytes]:
    return answer.status_code, answer.headers.get("content-type"), answer.content


async def placed(http: httpx.AsyncClient) -> int:
    """How many orders there are."""
    return int((await http.get(ORDERS)).headers["x-total-count"])


async def test_an_order_is_answered_again_and_placed_once(client: Any, mef_order: Any) -> None:
    first = await send(client.http, ORDERS, mef_order, KEY)
    assert (first.status_code, first.json()["state"]) == (201, "acknowledged")
    await client.until("acme-office", "active")
    again = await send(client.http, ORDERS, mef_order, KEY)
    assert told(again) == told(first), "as it was answered the first time, whatever has become of it since"
    assert await placed(client.http) == 1
    other = await send(client.http, ORDERS, mef_order, KEY.replace("8e", "9e"))
    assert other.status_code == 422, "with another key it is an order of its own, whose UNIs are in use"


async def test_operations_of_the_poc_are_answered_again_and_carried_out_once(client: Any, order: Any) -> None:
    http, name = client.http, {"service-id-or-name": "acme"}
    change = {**name, "swvc-service-attributes": {"mtu": 1300}}
    steps = [("create", order, "active"), ("update", change, "active"), ("delete", name, None)]
    for verb, body, state in steps:
        first = await send(http, f"{OPERATIONS}{verb}-connectivity-service/", body, f"k-{verb}")
        assert first.status_code in {200, 201}, first.text
        await (client.until("acme", state) if state else client.until_gone("acme"))
        again = await send(http, f"{OPERATIONS}{verb}-connectivity-service/", body, f"k-{verb}")
        assert told(again) == told(first)
    assert [verb for verb, _ in client.network.calls] == ["deploy", "deploy", "remove"]


async def test_without_a_promise_the_answer_is_kept_as_it_was_sent(client: Any, inventory: Any) -> None:
    listener = {"callback": "https://client.example/listenerEndpoint"}
    first, again = [await send(client.http, HUB, listener, KEY) for _ in range(2)]
    assert first.status_code == 201
    assert told(again) == told(first)
    lock = {"sip-id-or-name": inventory.unis[3].name, "state": "LOCKED"}
    one, two = [await send(client.http, f"{OPERATIONS}update-service-interface-point", lock, "l") for _ in range(2)]
    assert told(one) == told(two)
    assert one.status_code == 201


@pytest.mark.parametrize(("change", "path"), [({"externalId": "other"}, ORDERS), ({}, f"{ORDERS}?x=1")])
async def test_a_key_is_for_one_request(client: Any, mef_order: Any, change: Any, path: str) -> None:
    assert (await send(client.http, ORDERS, mef_order, KEY)).status_code == 201
    answer = await send(client.http, path, {**mef_order, **change}, KEY)
    assert answer.status_code == 422
    (problem,) = answer.json()
    assert problem["code"] == "otherIssue"
    assert "Idempotency-Key came with another request" in problem["reason"]
    assert await placed(client.http) == 1


async def test_each_face_says_it_in_its_own_words(client: Any, order: Any, mef_order: Any) -> None:
    assert (await send(client.http, ORDERS, mef_order, KEY)).status_code == 201
    published = await send(client.http, f"{OPERATIONS}create-connectivity-service", order, KEY)
    assert (published.status_code, published.headers["content-type"]) == (422, YANG)
    assert published.json()["ietf-restconf:errors"]["error"][0]["error-tag"] == "invalid-value"
    ours = await send(client.http, "/presto-sdwan/v1/explain", {}, KEY)
    assert (ours.status_code, ours.headers["content-type"]) == (422, "application/problem+json")


@pytest.mark.parametrize(
    "keys", [("",), ('""',), ("k" * 256,), ("a", "b"), ("caf\xe9",), ('a"b',)], ids=lambda keys: repr(keys)[:20]
)
async def test_what_is_no_key_is_refused(client: Any, mef_order: Any, keys: tuple[str, ...]) -> None:
    answer = await send(client.http, ORDERS, mef_order, *keys)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalidQuery")
    assert await placed(client.http) == 0


async def test_quoted_and_bare_are_the_same_key(client: Any, mef_order: Any) -> None:
    first = await send(client.http, ORDERS, mef_order, KEY)
    assert told(await send(client.http, ORDERS, mef_order, KEY.strip('"'))) == told(first)


async def test_a_refused_request_may_be_corrected_under_its_key(client: Any, mef_order: Any) -> None:
    wrong = copy.deepcopy(mef_order)
    del wrong["requestedStartDate"]
    assert (await send(client.http, ORDERS, wrong, KEY)).status_code == 422
    assert (await send(client.http, ORDERS, mef_order, KEY)).status_code == 201


async def test_the_same_request_at_the_same_time_is_told_to_wait(client: Any, mef_order: Any) -> None:
    answers = await asyncio.gather(*(send(client.http, ORDERS, mef_order, KEY) for _ in range(8)))
    assert sorted({answer.status_code for answer in answers}) in ([201, 409], [201])
    assert sum(answer.status_code == 201 for answer in answers) >= 1
    assert {answer.headers.get("retry-after") for answer in answers if answer.status_code == 409} <= {"1"}
    assert await placed(client.http) == 1


async def test_a_request_whose_end_does_not_come_is_not_carried_out(
    new_core: Callable[..., Any], mef_order: Any
) -> None:
    """Its client goes before the last chunk: what came may look whole, and is not (RFC 9112 section 8)."""
    app = create_app(new_core())
    headers = {"host": "127.0.0.1", "content-type": JSON, "transfer-encoding": "chunked", "idempotency-key": KEY}
    scope = {
        "type": "http",
        "method": "POST",
        "path": ORDERS,
        "raw_path": ORDERS.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    coming = [{"type": "http.request", "body": json.dumps(mef_order).encode(), "more_body": True}]
    answer = list[Any]()

    async def receive() -> Any:
        return coming.pop() if coming else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        answer.append(message)

    async with app.router.lifespan_context(app), http_of(app) as http:
        await app(scope, receive, send)
        assert (answer, await placed(http)) == ([], 0)


async def test_operations_that_only_read_are_read_anew(client: Any, order: Any) -> None:
    listing = f"{OPERATIONS}get-connectivity-service-list"
    before = await send(client.http, listing, {}, KEY)
    await client.call("create-connectivity-service", order)
    after = await send(client.http, listing, {}, KEY)
    assert (len(before.json()["output"]["service"]), len(after.json()["output"]["service"])) == (0, 1)


async def test_two_servers_on_one_database_order_once(new_core: Callable[..., Any], mef_order: Any) -> None:
    """Whichever comes first orders; the other answers what that one did."""
    one, two = create_app(new_core()), create_app(new_core())
    async with (
        one.router.lifespan_context(one),
        two.router.lifespan_context(two),
        http_of(one) as first,
        http_of(two) as second,
    ):
        answers = await asyncio.gather(*(send(http, ORDERS, mef_order, KEY) for http in (first, second)))
        assert {answer.status_code for answer in answers} == {201}
        assert answers[0].content == answers[1].content
        assert await placed(first) == 1


async def test_after_its_time_a_key_is_forgotten(new_core: Callable[..., Any], order: Any) -> None:
    app = create_app(new_core(Settings(answers_kept=timedelta(seconds=0))))
    async with app.router.lifespan_context(app), http_of(app) as http:
        statuses = [
            (await send(http, f"{OPERATIONS}create-connectivity-service", order, KEY)).status_code for _ in range(2)
        ]
    assert statuses == [200, 409], "the second is a new order, of a name that is taken"


async def test_an_external_id_stands_for_one_order_when_the_operator_wants_it(
    new_core: Callable[..., Any], mef_order: Any
) -> None:
    app = create_app(new_core(Settings(unique_external_ids=True)))
    async with app.router.lifespan_context(app), http_of(app) as http:
        first = await send(http, ORDERS, mef_order)
        again = await asyncio.gather(*(send(http, ORDERS, mef_order) for _ in range(4)))
        assert [answer.status_code for answer in (first, *again)] == [201] * 5
        assert {answer.json()["id"] for answer in again} == {first.json()["id"]}
        assert await placed(http) == 1
        other = await send(http, ORDERS, {**mef_order, "externalId": "other"})
        assert other.status_code == 422, "another id is another order, whose UNIs are in use"


async def test_the_same_external_id_twice_at_once_is_one_order(new_core: Callable[..., Any], mef_order: Any) -> None:
    app = create_app(new_core(Settings(unique_external_ids=True)))
    async with app.router.lifespan_context(app), http_of(app) as http:
        answers = await asyncio.gather(*(send(http, ORDERS, mef_order) for _ in range(6)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == 1


async def test_by_default_an_external_id_is_the_clients_own_business(client: Any, mef_order: Any) -> None:
    assert (await send(client.http, ORDERS, mef_order)).status_code == 201
    assert (await send(client.http, ORDERS, mef_order)).status_code == 422


def http_of(app: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
