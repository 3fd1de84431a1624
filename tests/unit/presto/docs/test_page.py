"""The page and its files: all from this machine, and nothing else under `/docs`."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytestmark = pytest.mark.asyncio


async def test_the_page_takes_everything_from_this_server(client: Any) -> None:
    page = await client.http.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in page.headers["content-security-policy"]
    addresses = re.findall(r'(?:src|href)="(/[^"]*)"', page.text)
    script = (await client.http.get("/docs/files/page.js")).text
    addresses += re.findall(r'"(/[a-z][^"]*)"', script)
    assert len(addresses) >= 8
    for address in addresses:
        answer = await client.http.get(address)
        assert answer.status_code == 200, address
        assert answer.content
    assert not re.search(r"https?://", page.text + script)


async def test_every_style_sheet_is_without_addresses_elsewhere(client: Any) -> None:
    for name in ("page.css", "swagger-ui.css"):
        text = (await client.http.get(f"/docs/files/{name}")).text
        assert not re.search(r"url\((?!\s*[\"']?data:)", text), name


@pytest.mark.parametrize("path", ["/docs/files/page.html", "/docs/files/..%2fapp.py", "/docs/none.json", "/docs/x"])
async def test_other_paths_are_not_there(client: Any, path: str) -> None:
    assert (await client.http.get(path)).status_code == 404


async def test_the_document_of_the_extensions_has_their_operations(client: Any) -> None:
    document = (await client.http.get("/presto-sdwan/v1/openapi.json")).json()
    assert {"/versions", "/edge", "/explain"} <= set(document["paths"])
    assert document["servers"] == [{"url": "/presto-sdwan/v1"}]


async def test_who_may_see_nothing_gets_examples_that_tell_nothing() -> None:
    from presto.docs.server_state import NOTHING, server_state

    async def closed(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    assert await server_state(closed, None) is NOTHING
