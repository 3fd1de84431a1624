"""Authentication and authorization: every request has a valid token with the scope of its operation, and a tenant."""

from __future__ import annotations

import logging
import re

from starlette.types import ASGIApp, Receive, Scope, Send

from presto.auth import refusals as answers
from presto.auth.endpoint import PUBLIC
from presto.auth.limits import peer, place
from presto.auth.principal import Principal
from presto.auth.refusals import AccessRefused
from presto.auth.scopes import Catalogue, NoScope
from presto.auth.security import Security
from presto.auth.tokens import TokenRefused
from presto.persistence.tenancy import acting_for
from presto.web.connections import keep_connection
from presto.web.errors import refuse

log = logging.getLogger(__name__)
_TOKEN = re.compile(rb"bearer +([A-Za-z0-9._~+/=-]+) *", re.IGNORECASE)


class AuthGuard:
    """Answers 401, 403 and 429 in the error format of the API that was called; passes on all other requests."""

    def __init__(self, app: ASGIApp, security: Security, catalogue: Catalogue) -> None:
        self._app, self._security, self._catalogue = app, security, catalogue

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on for its principal, or refuse it."""
        if scope["type"] == "lifespan" or (scope["type"] == "http" and scope["path"] in PUBLIC):
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            principal = self._known(scope)
            keep_connection(scope, principal.client)
            self._allowed(principal, scope)
        except AccessRefused as stopped:
            await refuse(stopped.refusal, scope["path"])(scope, receive, send)
            return
        with acting_for(principal.tenant):
            await self._app({**scope, "principal": principal}, receive, send)

    def _known(self, scope: Scope) -> Principal:
        """Who sends the token. Those who fail often are told to wait instead of why."""
        headers = [value for name, value in scope["headers"] if name == b"authorization"]
        if not headers:
            raise answers.unknown()
        found = _TOKEN.fullmatch(headers[0])
        try:
            if len(headers) > 1 or not found:
                raise TokenRefused("The Authorization header is no Bearer token")
            return self._security.principal(found[1].decode("ascii"), self._catalogue)
        except TokenRefused as refused:
            address = peer(scope)
            log.warning("%s %s from %s is refused: %s", scope["method"], scope["path"][:120], address, refused)
            wait = self._security.failures.consume(f"token {place(address)}")
            raise (answers.too_often(wait) if wait else answers.unknown(str(refused))) from None

    def _allowed(self, principal: Principal, scope: Scope) -> None:
        wait = self._security.requests.consume(principal.client)
        if wait:
            raise answers.too_often(wait)
        try:
            needed = self._catalogue.scope(scope)
        except NoScope:
            log.error("%s %s has no scope", scope["method"], scope["path"][:120])
            raise answers.closed() from None
        if needed is not None and needed not in principal.scopes:
            log.warning("client %s has no scope %s", principal.client, needed)
            raise answers.forbidden(needed)
