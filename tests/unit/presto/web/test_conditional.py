"""Answers with an entity tag: whoever has them already gets 304, on every face; documents are made once for many."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from presto.docs.app import DOCUMENTS
from presto.docs.server_state import NOTHING
from presto.web.app import create_app
from presto.web.conditional import has
from presto.web.server import BackgroundServer

TAGGED = ["/docs", "/docs/", "/docs/files/page.js", *(f"/docs/{name}.json" for name in DOCUMENTS)]
TAGGED += ["/presto-sdwan/v1/openapi.json"]


@pytest.mark.asyncio
@pytest.mark.parametrize("path", TAGGED)
async def test_what_has_not_changed_is_not_sent_again(client: Any, path: str) -> None:
    first = await client.http.get(path)
    tag = first.headers["etag"]
    for asked in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await client.http.get(path, headers={"if-none-match": asked})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert "content-length" not in again.headers
        assert "content-type" not in again.headers
    other = await client.http.get(path, headers={"if-none-match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)


@pytest.mark.asyncio
async def test_a_service(client: Any, order: dict[str, Any]) -> None:
    await client.call("create-connectivity-service", order)
    await client.until("acme", "active")
    path = "/presto-sdwan/v1/service/acme"
    tag = (await client.http.get(path)).headers["etag"]
    assert (await client.http.get(path, headers={"if-none-match": tag})).status_code == 304
    answer = await client.http.patch(path, json={"mtu": 1300}, headers={"if-match": tag, "if-none-match": tag})
    assert answer.status_code == 202, "only what is asked for can be had already"
    assert (await client.http.get(path, headers={"if-none-match": tag})).status_code == 200


@pytest.mark.parametrize(
    ("asked", "tag", "expected"),
    [
        (b'"a"', b'"a"', True),
        (b'W/"a"', b'"a"', True),
        (b'"a"', b'W/"a"', True),
        (b'"b","a"', b'"a"', True),
        (b" * ", b'"a"', True),
        (b"a", b'"a"', False),
        (b'"b"', b'"a"', False),
        (b'""', b'"a"', False),
    ],
)
def test_lists_of_tags(asked: bytes, tag: bytes, expected: bool) -> None:
    assert has(asked, tag) is expected


@pytest.mark.asyncio
async def test_a_document_is_made_once_for_all_who_ask(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = 0
    make = DOCUMENTS["inventory"]

    def counted(now: Any) -> Any:
        nonlocal made
        made += 1
        return make(now)

    monkeypatch.setitem(DOCUMENTS, "inventory", counted)
    answers = await asyncio.gather(*(client.http.get("/docs/inventory.json") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert made == 1


@pytest.mark.asyncio
async def test_making_documents_over_and_over_costs_little(client: Any) -> None:
    """The forms of all models are worked out once, and not for each document that shows other examples."""
    for name, make in DOCUMENTS.items():
        await client.http.get(f"/docs/{name}.json")
        spent = []
        for _ in range(5):
            start = time.process_time()
            make(NOTHING)
            spent.append(time.process_time() - start)
        assert min(spent) < 0.02, name


@pytest.mark.asyncio
async def test_whether_the_server_is_well(client: Any) -> None:
    answer = await client.http.get("/healthz")
    assert (answer.status_code, answer.text, answer.headers["cache-control"]) == (200, "ok\n", "no-store")
    assert (await client.http.head("/healthz")).status_code == 200


@pytest.mark.asyncio
async def test_a_server_whose_database_is_gone_is_not_well(client: Any, database: Path) -> None:
    if not database.exists():
        pytest.skip("the database is no file")
    assert (await client.http.get("/healthz")).status_code == 200
    kept = database.rename(database.with_suffix(".away"))
    try:
        async with asyncio.timeout(60):
            while (answer := await client.http.get("/healthz")).status_code == 200:
                await asyncio.sleep(0.05)
        assert (answer.status_code, answer.text) == (503, "the database does not answer\n")
    finally:
        kept.rename(database)


def test_browsers_are_told_to_take_answers_for_what_they_are(lasting_core: Any) -> None:
    core, _ = lasting_core()
    with BackgroundServer(create_app(core)) as server:
        for path in ("/healthz", "/docs", "/nothing", "/presto-sdwan/v1/service"):
            answer = httpx.get(server.url + path)
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "strict-transport-security" not in answer.headers
