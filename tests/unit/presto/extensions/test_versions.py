"""The frame of the face: what it is, how it describes itself, and how it answers what it does not have."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.asyncio
async def test_each_face_is_named_with_its_path(face: Any) -> None:
    found = await face.get("/versions")
    assert [one["name"] for one in found["faces"]] == ["restconf", "serviceOrdering", "serviceInventory", "extensions"]
    for one in found["faces"][1:3]:
        answer = await face.http.get(f"{one['basePath']}/service{'Order' if 'Ordering' in one['name'] else ''}")
        assert answer.status_code == 200, one


@pytest.mark.asyncio
async def test_every_operation_is_described_whole(face: Any) -> None:
    document = await face.get("/openapi.json")
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names) > 20
    for operation in operations:
        assert operation["description"], operation["operationId"]
        assert {"400", "413", "500"} <= set(operation["responses"]), operation["operationId"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("method", "path", "status", "detail", "allow"),
    [
        ("GET", "/nothing", 404, "GET /presto-sdwan/v1/nothing: Not Found", ""),
        ("DELETE", "/versions", 405, "DELETE /presto-sdwan/v1/versions: Method Not Allowed", "GET"),
        ("PUT", "/service/acme", 405, None, "DELETE, GET, PATCH"),
        ("GET", "/edge/%0A", 404, None, ""),
    ],
)
async def test_what_is_not_there(
    face: Any, method: str, path: str, status: int, detail: str | None, allow: str
) -> None:
    body = await face.problem(method, path, status)
    assert detail is None or body["detail"] == detail
    if status == 405:
        answer = await face.http.request(method, "/presto-sdwan/v1" + path)
        assert answer.headers["allow"] == allow
    assert body["type"] == f"urn:lso:problem:{body['title'].casefold().replace(' ', '-')}"
