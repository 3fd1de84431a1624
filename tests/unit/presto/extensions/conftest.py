"""The face over the in-memory network of the other faces' tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

BASE = "/presto-sdwan/v1"


@dataclass(frozen=True)
class Face:
    """Requests to the face; `problem` expects an error and returns its body."""

    http: httpx.AsyncClient

    async def call(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        answer = await self.http.request(method, BASE + path, **options)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def get(self, path: str, status: int = 200, **options: Any) -> Any:
        return await self.call("GET", path, status, **options)

    async def problem(self, method: str, path: str, status: int, **options: Any) -> Any:
        answer = await self.http.request(method, BASE + path, **options)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
        return answer.json()


@pytest.fixture
def face(client: Any) -> Face:
    return Face(client.http)


@pytest.fixture
def lasting_face(lasting_client: Any) -> Face:
    """The face of a server that all refused cases of a module share."""
    return Face(lasting_client.http)
