"""The extensions as one application: every resource has a file of its own with a function that makes its router."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import cache, partial
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from starlette.routing import Mount

from presto.docs.secured import Secure, as_it_is
from presto.extensions.bodies import check_body
from presto.extensions.edges import edges_router
from presto.extensions.events import events_router
from presto.extensions.explain import explain_router
from presto.extensions.flow_tables import flow_tables_router
from presto.extensions.listeners import listeners_router
from presto.extensions.metrics import metrics_router
from presto.extensions.orders import orders_router
from presto.extensions.orphans import orphans_router
from presto.extensions.policies import policies_router
from presto.extensions.problems import Problem, add_handlers, declared
from presto.extensions.queries import check_query
from presto.extensions.services import services_router
from presto.extensions.tunnels import tunnels_router
from presto.extensions.underlays import underlays_router
from presto.extensions.versions import versions_router
from presto.extensions.vnfs import vnfs_router
from presto.notify.notifier import Notifier
from presto.service.core import Core
from presto.service.orders import Orders
from presto.web.conditional import TaggedBody
from presto.web.mounting import mount

BASE = "/presto-sdwan/v1"
PUBLIC_PATHS = frozenset({"/event/key"})
"""What nobody needs a token for: the keys that our notifications are signed with."""


def routers(core: Core, notifier: Notifier) -> tuple[APIRouter, ...]:
    """Of all resources."""
    make: tuple[Callable[[Core], APIRouter], ...] = (
        versions_router,
        metrics_router,
        edges_router,
        orphans_router,
        vnfs_router,
        underlays_router,
        tunnels_router,
        explain_router,
        partial(events_router, settings=notifier.settings),
        services_router,
        orders_router,
        policies_router,
    )
    others = (listeners_router(notifier, core.events), flow_tables_router(core, Orders(core.engine)))
    return (*(of(core) for of in make), *others)


def extensions_mount(core: Core, notifier: Notifier, secure: Secure = as_it_is) -> Mount:
    """The extensions at their base path."""
    return mount(BASE, extensions_app(core, notifier, secure))


def extensions_app(core: Core, notifier: Notifier, secure: Secure = as_it_is) -> FastAPI:
    """The extensions, with their own errors and `/openapi.json`, to which `secure` adds who may ask."""
    app = FastAPI(
        title="Presto SD-WAN extensions",
        version=version("lso-testbed"),
        summary="Edges, VNFs, underlays, tunnels, explanations, bulk orders and metrics over the same services",
        redirect_slashes=False,
        docs_url=None,
        openapi_url=None,
        redoc_url=None,
    )
    checks = [Depends(check_query), Depends(check_body)]
    for router in routers(core, notifier):
        app.include_router(router, responses=declared(400, 413, 415, 422, 500), dependencies=checks)
    add_handlers(app)
    app.add_route("/openapi.json", _description(app), include_in_schema=False)
    app.openapi = lambda: _described(app, secure)  # type: ignore[method-assign]  # FastAPI's own way to extend the description
    return app


def _description(app: FastAPI) -> Callable[[Request], Awaitable[Response]]:
    """Answers with the description, which is made once, not on the event loop."""
    made = cache(lambda: TaggedBody(json.dumps(app.openapi(), separators=(",", ":")).encode(), "application/json"))

    async def describe(_request: Request) -> Response:
        return (await asyncio.to_thread(made)).response()

    return describe


def _described(app: FastAPI, secure: Secure) -> dict[str, Any]:
    """The generated description, with the errors' form beside the other forms and the path that it is mounted at."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        form = Problem.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")
        schemas.update(form.pop("$defs"), Problem=form)
        app.openapi_schema = secure({**document, "servers": [{"url": BASE}]}, PUBLIC_PATHS)
    return app.openapi_schema
