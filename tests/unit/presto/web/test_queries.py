"""Query parameters that an operation does not have are refused by the published faces, in their words."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")
ORDERING, INVENTORY = "/mefApi/legato/serviceOrderingManagement/v6", "/mefApi/legato/serviceInventory/v7"


@pytest.mark.parametrize(
    "path",
    [
        "get-connectivity-service-list",
        "get-connectivity-service-list/",
        "tapi-connectivity:create-connectivity-service",
        "delete-connectivity-service",
    ],
)
async def test_operations(lasting_client: Any, path: str) -> None:
    answer = await lasting_client.http.post(f"/restconf/operations/{path}?depth=1&depth=2&x=y", json={"input": {}})
    assert answer.status_code == 400
    hint = 'Operations take none: write what you want into "input".'
    assert [(one["error-tag"], one["error-message"]) for one in answer.json()["ietf-restconf:errors"]["error"]] == [
        ("invalid-value", f'There is no query parameter "{name}". {hint}') for name in ("depth", "x")
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{ORDERING}/serviceOrder"),
        ("GET", f"{ORDERING}/serviceOrder/x"),
        ("POST", f"{ORDERING}/hub"),
        ("GET", f"{ORDERING}/hub/x"),
        ("DELETE", f"{ORDERING}/hub/x"),
        ("GET", f"{INVENTORY}/service/x"),
        ("POST", f"{INVENTORY}/hub"),
        ("GET", f"{INVENTORY}/hub/x"),
        ("DELETE", f"{INVENTORY}/hub/x"),
        ("GET", f"{ORDERING}/serviceOrder"),
        ("GET", f"{INVENTORY}/service"),
    ],
)
async def test_published_apis(lasting_client: Any, method: str, path: str) -> None:
    answer = await lasting_client.http.request(method, f"{path}?colour=red")
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalidQuery"
    assert answer.json()["reason"] == 'There is no query parameter "colour"'
