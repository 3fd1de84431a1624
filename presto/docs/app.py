"""`/docs`: the page, its files from a package on this machine, and the documents that it shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import HTMLResponse, JSONResponse

from presto.core.core import Core
from presto.core.orders import Orders
from presto.docs import mef, restconf
from presto.docs.known import NOTHING, Standing, ids_of, inputs_of, orders_of, standing

BASE = "/docs"
_PAGE = files("presto.docs") / "page"
_SWAGGER = files("fastapi_offline") / "static"
_FILES = {
    "page.css": (_PAGE, "text/css"),
    "page.js": (_PAGE, "text/javascript"),
    "swagger-ui.css": (_SWAGGER, "text/css"),
    "swagger-ui-bundle.js": (_SWAGGER, "text/javascript"),
}
_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
"""Nothing comes from elsewhere, whatever stands in a document."""

DOCUMENTS: dict[str, Callable[[Standing], Any]] = {
    "ordering": lambda now: mef.document("ordering", orders_of(now, datetime.now(UTC)), ids_of(now)),
    "inventory": lambda now: mef.document("inventory", {}, ids_of(now)),
    "restconf": lambda now: restconf.document(inputs_of(now)),
}


def docs_router(core: Core, *, live: bool = True) -> APIRouter:
    """The page, its files and the documents. Without `live` the examples tell nothing of what the server has."""
    router = APIRouter(prefix=BASE, include_in_schema=False)
    orders = Orders(core)

    @router.get("")
    @router.get("/")
    async def page() -> HTMLResponse:
        text = (_PAGE / "page.html").read_text(encoding="utf-8")
        return HTMLResponse(text, headers={"Content-Security-Policy": _POLICY})

    @router.get("/files/{name}")
    async def file(name: str) -> Response:
        if name not in _FILES:
            raise HTTPException(404, "There is no such file")
        folder, media = _FILES[name]
        return Response((folder / name).read_bytes(), media_type=media, headers={"Cache-Control": "max-age=3600"})

    @router.get("/{name}.json")
    async def document(name: str) -> JSONResponse:
        if name not in DOCUMENTS:
            raise HTTPException(404, "There is no such document")
        return JSONResponse(DOCUMENTS[name](await standing(core, orders) if live else NOTHING))

    return router
