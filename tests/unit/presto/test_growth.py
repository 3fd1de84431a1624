"""What is four times as long takes little more than four times as long to read: the bodies of requests."""

from __future__ import annotations

import difflib
import itertools
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from common.findings import MAX_REPORTED
from common.json_text import MAX_VALUES
from presto.web.limits import LARGEST_BODY
from presto_api.mef.envelope import Order
from presto_api.mef.payload import MODELS, URNS
from presto_api.restconf.messages import CreateInput, UpdateInput

from ...growth import check_growth
from .stretching import lists, only_to, sample, stretched

pytestmark = pytest.mark.asyncio(loop_scope="module")

LARGE = 160_000
"""Bytes of the longer body, where its elements may be repeated as often as one likes."""
MAX_SECONDS = 2.5
"""Of a whole body of the largest size; some ten times what it takes."""

YANG, JSON = "application/yang-data+json", "application/json"
OPERATIONS, ORDERING = "/restconf/operations", "/mefApi/legato/serviceOrderingManagement/v6"
EXTENSIONS = "/presto-sdwan/v1"
Make = Callable[[int], bytes]
Row = tuple[str, str, str, str, Make, int]
"""Name, method, path, media type, what makes a body of n, and n."""


def rows_of(name: str, method: str, path: str, media: str, form: Any, wrap: Callable[[Any], Any]) -> Iterator[Row]:
    """One row for each list of a form."""
    document = sample(form, form.get("$defs", {}))
    for place in lists(document):
        for distinct in (False, True):
            lean = only_to(document, place)

            def make(times: int, lean: Any = lean, place: Any = place, distinct: bool = distinct) -> bytes:
                return dumped(wrap(stretched(lean, place, times, distinct=distinct)))

            kind = "distinct" if distinct else "equal"
            yield (
                f"{name} {'/'.join(map(str, place))} {kind}",
                method,
                path,
                media,
                make,
                LARGE // 4 * 50 // len(make(50)),
            )


def dumped(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def order_of(kind: Any, payload: Any) -> Any:
    service = {"serviceConfiguration": {**payload, "@type": URNS[kind]}}
    day = "2026-03-01T12:00:00Z"
    item = {"id": "1", "action": "add", "service": service}
    return {"requestedStartDate": day, "requestedCompletionDate": day, "serviceOrderItem": [item]}


def form_rows(described: Any) -> Iterator[Row]:
    for operation, model in (("create", CreateInput), ("update", UpdateInput)):
        path = f"{OPERATIONS}/{operation}-connectivity-service"
        yield from rows_of(operation, "POST", path, YANG, model.model_json_schema(), lambda given: {"input": given})
    yield from rows_of(
        "order", "POST", f"{ORDERING}/serviceOrder", JSON, Order.model_json_schema(), lambda given: given
    )
    for kind, payload in MODELS.items():
        wrap = partial(order_of, kind)
        yield from rows_of(kind, "POST", f"{ORDERING}/serviceOrder", JSON, payload.model_json_schema(), wrap)
    forms = described["components"]["schemas"]
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            if "requestBody" in operation:
                form = {**operation["requestBody"]["content"][JSON]["schema"], "$defs": forms}
                here = EXTENSIONS + path.replace("{", "").replace("}", "")
                yield from rows_of(f"{method} {path}", method.upper(), here, JSON, form, lambda given: given)


SHAPES: dict[str, tuple[Make, int]] = {
    "wide": (lambda n: dumped({f"m{number}": 1 for number in range(n)}), 8_000),
    "wide below": (lambda n: dumped({"input": {f"m{number}": 1 for number in range(n)}}), 8_000),
    "one twice": (lambda n: b"{%s}" % b",".join(b'"m%d":1' % min(number, n - 2) for number in range(n)), 8_000),
    "each twice": (lambda n: b"{%s}" % b",".join(b'"m%d":1' % (number // 2) for number in range(n)), 8_000),
    "nulls": (lambda n: dumped({"input": {f"m{number}": None for number in range(n)}}), 8_000),
    "nulls below a long name": (lambda n: dumped({"m" * n: [{"a": None}] * (n // 10)}), 50_000),
    "long name": (lambda n: dumped({"input": {"m" * n: 1}}), 200_000),
    "long text": (lambda n: dumped({"input": {"service-id-or-name": "m" * n}, "callback": "m" * n}), 100_000),
    "long number": (lambda n: b'{"input":%s}' % (b"9" * n), 200_000),
    "deep lists": (lambda n: b'{"input":' + b"[" * n + b"]" * n + b"}", 100_000),
    "deep objects": (lambda n: b'{"input":' + b'{"a":' * n + b"1" + b"}" * n + b"}", 40_000),
    "spaces": (lambda n: b" " * n + b"[]", 200_000),
    "no UTF-8": (lambda n: b'"' + b"\xff" * n, 200_000),
    "numbers": (lambda n: b'{"input":[%s]}' % b",".join([b"1"] * n), 10_000),
    "escapes": (lambda n: b'{"input":"%s"}' % (b"\\ud800" * n), 40_000),
}
"""Bodies of any form, for every operation that takes one."""

TAKERS = [
    ("POST", f"{OPERATIONS}/create-connectivity-service", YANG),
    ("POST", f"{OPERATIONS}/get-connectivity-service-list", YANG),
    ("POST", f"{ORDERING}/serviceOrder", JSON),
    ("POST", f"{ORDERING}/hub", JSON),
    ("PATCH", f"{EXTENSIONS}/service/x", JSON),
    ("POST", f"{EXTENSIONS}/edge", JSON),
    ("POST", f"{EXTENSIONS}/bulk", JSON),
    ("POST", f"{EXTENSIONS}/explain", JSON),
]


def names(count: int, length: int = 5) -> list[dict[str, Any]]:
    return [{"app-id": f"{number:0{length}}", "criteria": [{"pc-name": "ANY"}]} for number in range(count)]


ROUND = itertools.count()
"""Makes each order another one: what was found out about its parts is remembered."""


def service(**members: Any) -> bytes:
    members["policies"] = {
        "policy": [*members.get("policies", {"policy": []})["policy"], {"policy-id": f"{next(ROUND)}"}]
    }
    return dumped({"input": {"swvc-service-attributes": {"swvc-identifier": "x", **members}}})


def mapped(count: int) -> list[dict[str, str]]:
    return [{"app-id": f"x{number}", "policy-name": f"y{number}"} for number in range(count)]


def flows(values: int, *criteria: tuple[str, Callable[[int], str]]) -> dict[str, Any]:
    """Flows with criteria of that many values each, which are held against one another."""
    given = [{"pc-name": name, "pc-param": [value(number) for number in range(values)]} for name, value in criteria]
    return {"application": [{"app-id": f"f{number}-{next(ROUND)}", "criteria": given} for number in range(40)]}


ORDERS: dict[str, tuple[Make, int]] = {
    "maps of flows that are not there": (
        lambda n: service(
            applications={"application": names(1000)}, **{"application-policy-mappings": {"mapping": mapped(n)}}
        ),
        2_000,
    ),
    "maps of policies that are not there": (
        lambda n: service(
            policies={"policy": [{"policy-id": f"p{number}", "criteria": []} for number in range(n)]},
            **{"application-policy-mappings": {"mapping": mapped(n)}},
        ),
        1_000,
    ),
    "a long name everywhere": (
        lambda n: service(
            policies={"policy": [{"policy-id": "m" * n, "criteria": [{"pc-name": "BACKUP"}] * (n // 50)}]}
        ),
        50_000,
    ),
    "two long names that are near": (
        lambda n: service(
            applications={"application": [{"app-id": "ab" * n}]},
            **{"application-policy-mappings": {"mapping": [{"app-id": "ab" * n + "x"}]}},
        ),
        40_000,
    ),
    "prefixes against prefixes": (
        lambda n: service(
            applications=flows(n, ("SAV4", lambda i: f"10.0.{i}.0/24"), ("SDAV4", lambda i: f"10.1.{i}.0/24"))
        ),
        60,
    ),
    "ports against ports": (
        lambda n: service(applications=flows(n, ("SPORT", lambda i: f"{i}-60000"), ("SDPORT", lambda i: f"{i}-50000"))),
        60,
    ),
}
"""Bodies of the right form, whose parts are held against each other."""


@pytest.fixture(name="spend")
def _spend(lasting_client: Any) -> Any:
    """Sends a request and returns the processor time that it took, with the request's own making."""

    async def spend(method: str, path: str, media: str, content: bytes) -> float:
        headers = {"content-type": media, "if-match": "*"}
        start = time.process_time()
        answer = await lasting_client.http.request(method, path, content=content, headers=headers)
        spent = time.process_time() - start
        assert 400 <= answer.status_code < 500, answer.text[:200]
        assert len(answer.content) < 2 * LARGEST_BODY, (path, len(answer.content))
        return spent

    return spend


def spend_on(spend: Any, row: tuple[str, str, str], make: Callable[[int], Any], times: int) -> Any:
    """Send so much to the operation of a row."""
    return spend(*row, make(times))


async def test_every_list_of_every_form(lasting_client: Any, spend: Any) -> None:
    described = (await lasting_client.http.get(f"{EXTENSIONS}/openapi.json")).json()
    rows = list(form_rows(described))
    assert len(rows) > 250
    for name, method, path, media, make, size in rows:
        await check_growth(name, partial(spend_on, spend, (method, path, media), make), max(2, size))


@pytest.mark.parametrize("shape", SHAPES)
async def test_bodies_of_any_shape(spend: Any, shape: str) -> None:
    make, size = SHAPES[shape]
    for method, path, media in TAKERS:
        await check_growth(f"{shape} {path}", partial(spend_on, spend, (method, path, media), make), size)


@pytest.mark.parametrize("name", ORDERS)
async def test_orders_whose_parts_are_compared(spend: Any, name: str) -> None:
    make, size = ORDERS[name]
    path = f"{OPERATIONS}/create-connectivity-service"
    await check_growth(name, lambda times: spend("POST", path, YANG, make(times)), size)


@pytest.mark.parametrize("shape", ["numbers", "wide below", "nulls"])
async def test_the_largest_bodies_take_a_moment(spend: Any, shape: str) -> None:
    """They are bounded in values as well as in bytes, so that no request keeps the others waiting for long."""
    make, size = SHAPES[shape]
    largest = min(size * (LARGEST_BODY - 1000) // len(make(size)), MAX_VALUES - 10)
    for method, path, media in TAKERS:
        assert min([await spend(method, path, media, make(largest)) for _ in range(2)]) < MAX_SECONDS, path


async def test_a_body_of_too_many_values_is_refused_by_every_face(lasting_client: Any) -> None:
    for method, path, media in TAKERS:
        for count, refused in ((MAX_VALUES - 10, False), (MAX_VALUES + 10, True)):
            content = b'{"input":[%s]}' % b",".join([b"1"] * count)
            answer = await lasting_client.http.request(method, path, content=content, headers={"content-type": media})
            assert (answer.status_code == 413) is refused, (path, count, answer.text[:200])
            assert not refused or f"{MAX_VALUES} values" in answer.text


async def test_only_hints_that_are_told_are_looked_for(spend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0
    find = difflib.get_close_matches

    def counted(*values: Any, **options: Any) -> Any:
        nonlocal looked
        looked += 1
        return find(*values, **options)

    monkeypatch.setattr(difflib, "get_close_matches", counted)
    content = dumped({"input": {f"m{number}": 1 for number in range(30_000)}, **{f"n{n}": 1 for n in range(10_000)}})
    for method, path, media in TAKERS:
        looked = 0
        await spend(method, path, media, content)
        assert looked <= 2 * (MAX_REPORTED + 1), path
