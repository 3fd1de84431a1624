"""What is four times as long takes little more than four times as long to read: targets, headers, tokens and texts."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from presto.auth import assertions
from presto.auth.assertions import claimed_client
from presto.auth.proof import find_proof, read_form
from presto.auth.tokens import verify
from presto.mef.hub import check_callback, event_types
from presto.web.idempotency import IdempotencyGuard
from presto_api.mef.envelope import Subscription

from ...growth import check_growth

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPERATIONS, ORDERING = "/restconf/operations", "/mefApi/legato/serviceOrderingManagement/v6"
EXTENSIONS = "/presto-sdwan/v1"

LINES: dict[str, tuple[Callable[[int], Any], int]] = {
    "query of many parameters": (lambda n: ("GET", f"{ORDERING}/serviceOrder", "&".join(["state=x"] * n), {}), 1_800),
    "query of a long value": (lambda n: ("GET", f"{ORDERING}/serviceOrder", "orderDate.gt=" + "1" * n, {}), 15_000),
    "query of the extensions": (lambda n: ("GET", f"{EXTENSIONS}/service", "&".join(["limit=x"] * n), {}), 1_800),
    "path": (lambda n: ("GET", f"{EXTENSIONS}/service/" + "%2e" * n, "", {}), 5_000),
    "path of slashes": (lambda n: ("GET", "/" * n, "", {}), 16_000),
    "operation": (lambda n: ("POST", f"{OPERATIONS}/" + "get-:" * n, "", {}), 3_000),
    "Accept": (lambda n: ("POST", f"{OPERATIONS}/get-topology-list", "", {"accept": "a/b;q=0," * n}), 8_000),
    "Accept-Encoding": (lambda n: ("GET", "/docs", "", {"accept-encoding": "gzip;q=0," * n}), 8_000),
    "Content-Type": (
        lambda n: ("POST", f"{ORDERING}/hub", "", {"content-type": "application/json;" + "charset  =" * n}),
        6_000,
    ),
    "Idempotency-Key": (lambda n: ("POST", f"{ORDERING}/hub", "", {"idempotency-key": '"' + '\\"' * n}), 30_000),
    "If-Match": (lambda n: ("DELETE", f"{EXTENSIONS}/service/x", "", {"if-match": '"a",' * n}), 15_000),
    "If-None-Match": (lambda n: ("GET", f"{EXTENSIONS}/service/x", "", {"if-none-match": '"a",' * n}), 15_000),
    "Host": (lambda n: ("GET", "/docs", "", {"host": "a.:" * n}), 20_000),
    "Last-Event-ID": (lambda n: ("GET", f"{EXTENSIONS}/service/x", "", {"last-event-id": "1" * n}), 60_000),
}


@pytest.mark.parametrize("name", LINES)
async def test_targets_and_headers(lasting_client: Any, name: str) -> None:
    make, size = LINES[name]

    async def spend(times: int) -> float:
        method, path, query, headers = make(times)
        request = lasting_client.http.build_request(method, f"http://127.0.0.1{path}?{query}", headers=headers)
        start = time.process_time()
        await lasting_client.http.send(request)
        return time.process_time() - start

    await check_growth(name, spend, size)


def quietly(function: Callable[..., Any], *values: Any) -> None:
    """Whether it is refused does not matter here."""
    with suppress(Exception):
        function(*values)


def callback(text: str) -> None:
    check_callback(Subscription(callback=text))


FORM = "application/x-www-form-urlencoded"
PARSERS: dict[str, tuple[Callable[[int], None], int]] = {
    "token": (lambda n: quietly(verify, "e30." * n, {}), 200_000),
    "token of a long part": (lambda n: quietly(verify, "e30." + "A" * n + ".x", {}), 200_000),
    "assertion": (lambda n: quietly(claimed_client, "A" * n + ".e30.x"), 200_000),
    "form": (lambda n: quietly(read_form, FORM, b"a=b&" * n), 200_000),
    "form of percent signs": (lambda n: quietly(read_form, FORM, b"a=" + b"%4" * n), 200_000),
    "Basic": (lambda n: quietly(find_proof, {"authorization": "Basic " + "QUFB" * n}, {}), 200_000),
    "callback": (lambda n: quietly(callback, "http://" + "a" * n), 200_000),
    "callback of labels": (lambda n: quietly(callback, "http://" + "a." * n), 100_000),
    "callback of letters beyond ASCII": (lambda n: quietly(callback, "http://" + "ä" * n), 50_000),
    "callback of percent signs": (lambda n: quietly(callback, "http://a/" + "%z" * n), 100_000),
    "callback of dots": (lambda n: quietly(callback, "http://a/" + "../a/" * n), 50_000),
    "query of a listener": (lambda n: quietly(event_types, "ordering", "eventType=" + "a," * n), 100_000),
    "query of parts": (lambda n: quietly(event_types, "ordering", "eventType=serviceOrderCreateEvent&" * n), 10_000),
}


@pytest.mark.parametrize("name", PARSERS)
async def test_texts(name: str) -> None:
    parse, size = PARSERS[name]

    async def spend(times: int) -> float:
        start = time.process_time()
        parse(times)
        return time.process_time() - start

    await check_growth(name, spend, size)


async def test_a_body_of_small_pieces(lasting_client: Any) -> None:
    """It is put together once, however many pieces a client cuts it into."""

    async def spend(times: int) -> float:
        left, seen = times, list[Message]()

        async def receive() -> Message:
            nonlocal left
            left -= 1
            return {"type": "http.request", "body": b"a" * 20, "more_body": left > 0}

        async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(await receive())
            await Response(status_code=400)(scope, receive, send)

        async def send(message: Message) -> None:
            seen.append(message)

        headers = [(b"idempotency-key", b"one"), (b"host", b"127.0.0.1")]
        scope = {"type": "http", "method": "POST", "path": "/x", "query_string": b"", "headers": headers}
        start = time.process_time()
        await IdempotencyGuard(refuse, lasting_client.core.keys, known=False)(scope, receive, send)
        spent = time.process_time() - start
        assert (len(seen[0]["body"]), seen[1]["status"]) == (20 * times, 400)
        return spent

    await check_growth("small pieces", spend, 12_000)


async def test_many_assertions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is remembered for some minutes; they are not all looked through for each new one."""
    monkeypatch.setattr(assertions, "decoded", lambda text, *_: {"sub": "one", "jti": text, "exp": 1_000_060})
    monkeypatch.setattr(jwt, "get_unverified_header", lambda _text: {})
    client = SimpleNamespace(id="one", key=object())

    async def spend(times: int) -> float:
        used = assertions.Assertions(lambda: 1_000_000.0)
        start = time.process_time()
        for number in range(times):
            used.check(client, str(number), ())  # type: ignore[arg-type]
        return time.process_time() - start

    await check_growth("assertions", spend, 3_000)
