"""`/docs`: the page, its files from a package on this machine, and the documents that it shows.

It stands before the other APIs and asks them for what its examples are written for, with the credentials of whoever
asks: so the documents tell nobody more than the server would.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from presto.docs import mef, restconf
from presto.docs.documents import Documents
from presto.docs.secured import Secure, as_it_is
from presto.docs.server_state import ServerState, ids_of, inputs_of, orders_of
from presto.web.conditional import TaggedBody

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

DOCUMENTS: dict[str, Callable[[ServerState], Any]] = {
    "ordering": lambda now: mef.document("ordering", orders_of(now, datetime.now(UTC)), ids_of(now)),
    "inventory": lambda now: mef.document("inventory", {}, ids_of(now)),
    "restconf": lambda now: restconf.document(inputs_of(now)),
}


@cache
def _file(name: str) -> TaggedBody:
    folder, media = _FILES[name]
    return TaggedBody((folder / name).read_bytes(), media)


@cache
def _page() -> TaggedBody:
    return TaggedBody((_PAGE / "page.html").read_bytes(), "text/html")


class Docs:
    """Answers under `/docs` and passes on everything else; `secure` adds to a document who may ask."""

    def __init__(self, app: ASGIApp, secure: Secure = as_it_is) -> None:
        self._app, self._documents = app, Documents(app, DOCUMENTS, secure)
        self._docs = Starlette(
            routes=[
                Route(BASE, self._show_page),
                Route(f"{BASE}/", self._show_page),
                Route(f"{BASE}/files/{{name}}", self._show_file),
                Route(f"{BASE}/{{name}}.json", self._show_document),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        ours = scope["type"] == "http" and f"{scope['path']}/".startswith(f"{BASE}/")
        await (self._docs if ours else self._app)(scope, receive, send)

    async def _show_page(self, _request: Request) -> Response:
        response = _page().response()
        response.headers["Content-Security-Policy"] = _POLICY
        return response

    async def _show_file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _FILES:
            raise HTTPException(404, "There is no such file")
        return _file(name).response()

    async def _show_document(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in DOCUMENTS:
            raise HTTPException(404, "There is no such document")
        return (await self._documents.get(name, request.scope)).response()
