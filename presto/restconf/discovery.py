"""How a client finds the API and what it has: RFC 8040 sections 3.1 (host-meta), 3.3 (the root), 4.1 and 4.2.

There is no YANG datastore behind the operations, so `data` is empty.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from starlette.responses import JSONResponse

from common.findings import Rejected
from presto.restconf.operations import OPERATIONS, is_published
from presto.restconf.router import (
    OPERATION_ID,
    PLAIN_JSON,
    YANG_JSON,
    answer_media,
    check_query,
    json_response,
    refusal,
)

ROOT = "/restconf"
HOST_META, HOST_META_JSON = "/.well-known/host-meta", "/.well-known/host-meta.json"
LIBRARY = "2016-06-21"
"""The revision of ietf-yang-library (RFC 7895) that RFC 8040 speaks of."""

_XRD = f"""<?xml version="1.0" encoding="UTF-8"?>
<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0"><Link rel="restconf" href="{ROOT}"/></XRD>
"""
_READ = ["GET", "HEAD"]
RESOURCE, OPERATION = "GET, HEAD, OPTIONS", "OPTIONS, POST"
"""The methods of what is read, and of what is done."""

CONTENT = {"content": ("all", "config", "nonconfig")}
"""The one query parameter for data that no server may refuse (RFC 8040 sections 4.8.1 and 9.1.1)."""


def discovery_router(*, strict: bool = False) -> APIRouter:
    """Host-meta, the root and what is in it, and which methods each resource has."""
    router = APIRouter()
    operations = {f"{operation.module}:{name}": [None] for name, operation in OPERATIONS.items()}
    root = {"data": {}, "operations": operations, "yang-library-version": LIBRARY}
    documents: dict[str, tuple[str, Any]] = {
        "": ("restconf", root),
        "/data": ("data", {}),
        "/operations": ("operations", operations),
        "/yang-library-version": ("yang-library-version", LIBRARY),
    }
    for path, (name, document) in documents.items():
        _add(router, f"{ROOT}{path}", f"get-restconf-{name}", {f"ietf-restconf:{name}": document}, strict=strict)

    @router.api_route(HOST_META, methods=_READ)
    async def host_meta() -> Response:
        return Response(_XRD, media_type="application/xrd+xml")

    @router.api_route(HOST_META_JSON, methods=_READ)
    async def host_meta_json() -> Response:
        return JSONResponse({"links": [{"rel": "restconf", "href": ROOT}]}, media_type="application/jrd+json")

    @router.options(f"{ROOT}/operations/{{name}}", operation_id=OPERATION_ID)
    @router.options(f"{ROOT}/operations/{{name}}/", operation_id=OPERATION_ID)
    async def options(name: str) -> Response:
        if not is_published(name):
            raise HTTPException(404, "There is no such operation.")
        return Response(headers={"Allow": OPERATION})

    return router


def allowed(path: str) -> str:
    """The methods of a resource of the API, empty for what is none; the framework names those of one route only."""
    if path.removesuffix("/") in {f"{ROOT}{name}" for name in ("", "/data", "/operations", "/yang-library-version")}:
        return RESOURCE
    return OPERATION if path.startswith(f"{ROOT}/operations/") else ""


def _add(router: APIRouter, path: str, operation_id: str, document: Any, *, strict: bool) -> None:
    known = (YANG_JSON,) if strict else (YANG_JSON, PLAIN_JSON)

    queries = CONTENT if path == f"{ROOT}/data" else {}
    hint = "Leave it out." if queries else "This resource takes none."

    async def show(request: Request) -> Response:
        media = answer_media(request, known)
        try:
            check_query(request, hint, queries)
        except Rejected as rejected:
            return refusal(rejected, media)
        return json_response(document, 200, media)

    async def options() -> Response:
        return Response(headers={"Allow": RESOURCE})

    for each in (path, f"{path}/"):
        router.add_api_route(each, show, methods=_READ, operation_id=operation_id)
        router.add_api_route(each, options, methods=["OPTIONS"], operation_id=operation_id)
