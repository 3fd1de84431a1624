"""The web application: one core, the APIs over it, and errors that show nothing of the server's inside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from common.findings import Finding, Tag
from presto.auth.endpoint import auth_router
from presto.auth.guard import AuthGuard
from presto.auth.scopes import Catalogue
from presto.auth.security import Security
from presto.docs.app import Docs
from presto.docs.secured import as_it_is, secured
from presto.extensions.app import BASE as EXTENSIONS
from presto.extensions.app import extensions_mount
from presto.extensions.metrics import RequestMeter
from presto.mef.app import mef_mount
from presto.mef.hub import event_types
from presto.notify.notifier import Notifier
from presto.notify.settings import NotifySettings
from presto.restconf import errors
from presto.restconf.discovery import allowed, discovery_router
from presto.restconf.operations import OPERATIONS
from presto.restconf.router import OPERATION_ID, YANG_JSON, json_response, restconf_router
from presto.restconf.strict import StrictFace
from presto.service.core import Core
from presto.web.conditional import NotModified
from presto.web.errors import add_store_handlers
from presto.web.garbage import rare_collections
from presto.web.guards import LOOPBACK_HOSTS, BodyGuard, HostGuard
from presto.web.health import health_router
from presto.web.idempotency import IdempotencyGuard
from presto.web.read_limit import ReadLimiter
from presto.web.segments import WholeSegments

_TAGS = {403: Tag.ACCESS_DENIED, 405: Tag.OPERATION_NOT_SUPPORTED, 413: Tag.TOO_BIG}


def create_app(
    core: Core,
    *,
    hosts: frozenset[str] = LOOPBACK_HOSTS,
    notifications: NotifySettings | None = None,
    security: Security | None = None,
) -> FastAPI:
    """The application for a core, which it starts and stops; it answers for the given host names only.

    Without `security` authentication is off. Raises ClientsWrong when the clients file names what is not there, and
    InventoryError when a uCPE stands in the inventory and was enrolled at run time too.
    """
    core.load()
    notifier = Notifier(core.engine, core.events, event_types, notifications)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await core.start()
        try:
            await notifier.start()
            with rare_collections():
                yield
        finally:
            await notifier.stop()
            await core.stop()

    app = FastAPI(title="LSO test-bed", lifespan=lifespan, openapi_url=None, redirect_slashes=False)
    app.state.closing = core.events.end
    app.router.routes.append(mef_mount(core, notifier))
    app.include_router(restconf_router(core))
    app.include_router(discovery_router(strict=core.settings.strict))
    app.include_router(health_router(core.engine))
    secure = secured if security else as_it_is
    app.router.routes.append(extensions_mount(core, notifier, secure))
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _failed)
    add_store_handlers(app)
    app.add_middleware(ReadLimiter)
    app.add_middleware(IdempotencyGuard, keys=core.keys, known=security is not None)
    app.add_middleware(BodyGuard, known=security is not None)
    if security:
        _secure(app, core, security)
    app.add_middleware(Docs, secure=secure)
    app.add_middleware(NotModified)
    app.add_middleware(HostGuard, hosts=hosts, admits=security is None)
    app.add_middleware(RequestMeter, meters=core.meters)
    if core.settings.strict:
        app.add_middleware(StrictFace)
    app.add_middleware(WholeSegments, base=EXTENSIONS)  # outermost: who may ask for a path is decided by the same one
    return app


def catalogue(app: FastAPI) -> Catalogue:
    """The operations of all APIs, and the scope of each."""
    return Catalogue(app.router.routes, {OPERATION_ID: OPERATIONS})


def _secure(app: FastAPI, core: Core, security: Security) -> None:
    """Ask everybody who he is, once all routes are there."""
    operations = catalogue(app)
    security.clients.check(core.inventory, operations)
    app.include_router(auth_router(security, operations))
    app.add_middleware(AuthGuard, security=security, catalogue=operations)


async def _refused(request: Request, error: Exception) -> Response:
    """What the web framework refuses: unknown paths, other methods, other media types."""
    if not isinstance(error, HTTPException):
        raise error
    tag = _TAGS.get(error.status_code, Tag.INVALID_VALUE)
    message = f"{request.method} {request.url.path[:120]}: {error.detail}".rstrip(".")
    response = json_response(errors.body([Finding(tag, (), message, "")]), error.status_code, YANG_JSON)
    response.headers.update(error.headers or {})
    if error.status_code == 405 and (methods := allowed(request.url.path)):
        response.headers["Allow"] = methods
    return response


async def _failed(_request: Request, _error: Exception) -> Response:
    """A fault of ours: the client learns no more than that; the server's log has the rest."""
    finding = Finding(Tag.OPERATION_FAILED, (), "The server failed", "See its log.")
    return json_response(errors.body([finding]), 500, YANG_JSON)
