"""The documents of a server with authentication say how to get in: and what they say is so."""

from __future__ import annotations

from typing import Any

import pytest

from presto.auth.endpoint import PUBLIC, TOKEN

from .conftest import SECRET, Door

pytestmark = pytest.mark.asyncio
DOCUMENTS = {
    "/docs/ordering.json": 6,
    "/docs/inventory.json": 5,
    "/docs/restconf.json": 17,
    "/presto-sdwan/v1/openapi.json": 23,
}


def operations(document: Any) -> dict[tuple[str, str], Any]:
    base = document["servers"][0]["url"]
    return {
        (method.upper(), base + path): operation
        for path, entry in document["paths"].items()
        for method, operation in entry.items()
        if method != "parameters"
    }


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_every_operation_declares_the_scope_that_it_needs(door: Door, path: str) -> None:
    answer = await door.http.get(path)
    assert answer.status_code == 200, "whoever wants to know how to get in has no token yet"
    document = answer.json()
    flow = document["components"]["securitySchemes"]["oauth2MEFLSOAPI"]["flows"]["clientCredentials"]
    assert flow["tokenUrl"] == TOKEN
    found = operations(document)
    assert len(found) >= DOCUMENTS[path]
    for (method, address), operation in found.items():
        if address in PUBLIC:
            assert operation["security"] == []
            continue
        scope = operation["operationId"]
        assert operation["security"] == [{"oauth2MEFLSOAPI": [scope]}]
        assert scope in flow["scopes"]
        filled = address.replace("{", "").replace("}", "")
        asked = {"type": "http", "method": method, "path": filled, "root_path": "", "headers": []}
        assert door.operations.scope(asked) == scope, f"{method} {address}"
    assert flow["scopes"].keys() <= door.operations.scopes


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_an_open_server_declares_none(client: Any, path: str) -> None:
    document = (await client.http.get(path)).json()
    assert "securitySchemes" not in document.get("components", {})
    assert not any("security" in operation for operation in operations(document).values())


async def test_the_page_can_be_opened_by_who_has_no_token(door: Door) -> None:
    for path in ("/docs", "/docs/files/page.js", "/docs/files/swagger-ui-bundle.js"):
        assert (await door.http.get(path)).status_code == 200


async def test_the_page_gets_a_token_in_its_way(door: Door) -> None:
    """Its button Authorize sends HTTP Basic, and an empty scope where none is ticked."""
    form = {"grant_type": "client_credentials", "scope": ""}
    given = (await door.http.post(TOKEN, data=form, auth=("acme-portal", SECRET))).json()
    assert given["token_type"] == "Bearer"
    assert {"createServiceOrder", "serviceFind"} <= set(given["scope"].split())
