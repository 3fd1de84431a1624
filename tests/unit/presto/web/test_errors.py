"""Refusals that are made before a face sees the request, in the words of the face that was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from presto.web.limits import LARGEST_BODY

LARGER = f"The body is larger than {LARGEST_BODY} bytes"
SMALLER = "Send less."
STRANGE = "This server does not answer for that host name"
LOOPBACK = "Use 127.0.0.1."

Form = Callable[[int, dict[str, Any]], object]


def restconf(status: int, said: dict[str, Any]) -> object:
    """RFC 8040 section 7.1: one list of errors, the hint after the message."""
    tag = {413: "too-big", 403: "access-denied"}[status]
    message = f"{said['reason']}. {said['hint']}"
    error = {"error-type": "protocol", "error-tag": tag, "error-message": message}
    return {"ietf-restconf:errors": {"error": [error]}}


def mef(status: int, said: dict[str, Any]) -> object:
    """`Error400` and `Error403` of the published files."""
    code = {413: "invalidBody", 403: "accessDenied"}[status]
    return {"code": code, "reason": said["reason"], "message": said["hint"]}


def problem(status: int, said: dict[str, Any]) -> object:
    """RFC 9457 with findings."""
    name, title = {413: ("request-entity-too-large", "Request Entity Too Large"), 403: ("forbidden", "Forbidden")}[
        status
    ]
    finding = {"pointer": "", "message": said["reason"], "hint": said["hint"]}
    detail = {"type": f"urn:lso:problem:{name}", "title": title, "status": status, "detail": said["reason"]}
    return {**detail, "findings": [finding]}


FACES = [
    ("/restconf/operations/get-topology-list", "application/yang-data+json", restconf),
    ("/mefApi/legato/serviceOrderingManagement/v6/serviceOrder", "application/json;charset=utf-8", mef),
    ("/mefApi/legato/serviceInventory/v7/hub", "application/json;charset=utf-8", mef),
    ("/presto-sdwan/v1/edge", "application/problem+json", problem),
]


async def _chunks() -> AsyncIterator[bytes]:
    for _ in range(LARGEST_BODY // 65_536 + 1):
        yield b" " * 65_536


REQUESTS: dict[str, tuple[Callable[[], Any], dict[str, str], int, str, str]] = {
    "announced": (lambda: b" " * (LARGEST_BODY + 1), {}, 413, LARGER, SMALLER),
    "announced, with a key": (lambda: b" " * (LARGEST_BODY + 1), {"idempotency-key": '"k"'}, 413, LARGER, SMALLER),
    "in pieces, with a key": (_chunks, {"idempotency-key": '"k"'}, 413, LARGER, SMALLER),
    "another host": (lambda: b"{}", {"host": "evil.example"}, 403, STRANGE, LOOPBACK),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("path", "media", "form"), FACES, ids=[face[0] for face in FACES])
@pytest.mark.parametrize("request_name", REQUESTS)
async def test_each_face_refuses_in_its_own_words(
    lasting_client: Any, path: str, media: str, form: Form, request_name: str
) -> None:
    content, headers, status, reason, hint = REQUESTS[request_name]
    headers = {"content-type": "application/json", **headers}
    answer: httpx.Response = await lasting_client.http.post(path, content=content(), headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, media)
    assert answer.json() == form(status, {"reason": reason, "hint": hint})
    assert (answer.headers.get("connection") == "close") is (status == 413), "the rest of the body stays unread"
