"""`POST /oauth2/token` (RFC 6749 section 4.4), the key set (RFC 7517) and the metadata (RFC 8414)."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from presto.auth.assertions import ASSERTION_TYPE, Assertions
from presto.auth.config import Client
from presto.auth.limits import peer, place
from presto.auth.proof import Proof, TokenError, find_proof, read_form
from presto.auth.scopes import DEFAULT, Catalogue
from presto.auth.secret import UNKNOWN, matches
from presto.auth.security import Security
from presto.auth.tokens import TokenRefused
from presto.extensions.app import BASE as EXTENSIONS
from presto.extensions.app import PUBLIC_PATHS
from presto.restconf.discovery import HOST_META, HOST_META_JSON
from presto.web.health import PATH as HEALTH

log = logging.getLogger(__name__)
TOKEN, KEYS, METADATA = "/oauth2/token", "/.well-known/jwks.json", "/.well-known/oauth-authorization-server"
PUBLIC = frozenset(
    {
        TOKEN,
        KEYS,
        METADATA,
        HEALTH,
        HOST_META,
        HOST_META_JSON,
        *(f"{EXTENSIONS}{path}" for path in ("/openapi.json", *PUBLIC_PATHS)),
    }
)
"""What is answered without a token: what is needed to get one, to read our signatures, and to know the interface."""
_NOT_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_COMPARISONS = 2
"""Secrets that are compared at once; each takes 16 MiB and a core."""


class TokenEndpoint:
    """Issues access tokens to clients that prove who they are."""

    def __init__(self, security: Security) -> None:
        self._security = security
        self._assertions = Assertions()
        self._slots = asyncio.Semaphore(_COMPARISONS)

    async def answer(self, request: Request, catalogue: Catalogue) -> Response:
        """The token, or an error as RFC 6749 section 5.2 has it.

        Who fails often has to wait: a client where it asks from, and all that are no client there together. So nobody
        keeps others out who come from the same address.
        """
        address = peer(request.scope)
        asker = f"nobody {place(address)}"
        try:
            form = read_form(request.headers.get("content-type", ""), await request.body())
            proof = find_proof(request.headers, form)
            if self._security.client(proof.client):
                asker = f"client {proof.client} {place(address)}"
            if wait := self._security.failures.wait(asker):
                raise TokenError(429, "temporarily_unavailable", f"Too many failures; try again in {wait} s", wait)
            client = await self._client(proof, request)
            return self._issue(client, form, catalogue, self._security.issuer(_base(request)))
        except TokenError as error:
            if error.status == 401:
                self._security.failures.consume(asker)
            log.warning("token request from %s is refused: %s: %s", address, error.code, error)
            return JSONResponse(
                {"error": error.code, "error_description": str(error)}, error.status, _NOT_KEPT | error.headers
            )

    async def _client(self, proof: Proof, request: Request) -> Client:
        """The client, once its proof is right; what is wrong with it is for the log, not for the answer."""
        client = self._security.client(proof.client)
        if proof.assertion is None:
            async with self._slots:
                kept = client.secret if client and client.secret else UNKNOWN
                right = await asyncio.to_thread(matches, proof.secret, kept)
            if not (client and client.secret and right):
                raise TokenError(401, "invalid_client", "The client is not known, or its secret is wrong")
            return client
        try:
            if client is None:
                raise TokenRefused("The client is not known")
            base = _base(request)
            issuer = self._security.issuer(base)
            audiences = {issuer, base + TOKEN, issuer.rstrip("/") + TOKEN}
            self._assertions.check(client, proof.assertion, audiences)
        except TokenRefused as refused:
            log.warning("assertion of %s: %s", f"client {client.id}" if client else "an unknown client", refused)
            raise TokenError(401, "invalid_client", "The client or its assertion is not valid") from None
        return client

    def _issue(self, client: Client, form: dict[str, str], catalogue: Catalogue, issuer: str) -> Response:
        grant = form.get("grant_type")
        if grant is None:
            raise TokenError(400, "invalid_request", "grant_type is missing")
        if grant != "client_credentials":
            raise TokenError(400, "unsupported_grant_type", "The grant is client_credentials")
        granted = catalogue.granted(client)
        requested = frozenset(form.get("scope", DEFAULT).split())
        if not requested <= granted | {DEFAULT}:
            raise TokenError(400, "invalid_scope", "The client may not have all of these scopes")
        scopes = granted if DEFAULT in requested or not requested else requested
        minter = self._security.minter
        token = minter.mint(client.id, scopes, client.tenant, issuer)
        log.info("client %s has a token for %d s with %d scopes", client.id, minter.lifetime, len(scopes))
        body = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": minter.lifetime,
            "scope": " ".join(sorted(scopes)),
        }
        return JSONResponse(body, headers=_NOT_KEPT)


def auth_router(security: Security, catalogue: Catalogue) -> APIRouter:
    """The three paths that need no token."""
    router = APIRouter()
    endpoint = TokenEndpoint(security)

    @router.post(TOKEN)
    async def token(request: Request) -> Response:
        return await endpoint.answer(request, catalogue)

    @router.get(KEYS)
    async def keys() -> Response:
        return JSONResponse(security.jwks(), media_type="application/jwk-set+json")

    @router.get(METADATA)
    async def metadata(request: Request) -> Response:
        return JSONResponse(_metadata(security.issuer(_base(request)), catalogue))

    return router


def _base(request: Request) -> str:
    """The URL that the client knows us by; its host is one of ours, or the request had been refused."""
    return f"{request.base_url}".rstrip("/")


def _metadata(issuer: str, catalogue: Catalogue) -> dict[str, Any]:
    base = issuer.rstrip("/")
    return {
        "issuer": issuer,
        "token_endpoint": base + TOKEN,
        "jwks_uri": base + KEYS,
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": ["none"],  # required, and no list may be empty (RFC 8414 section 3.2)
        "scopes_supported": sorted(catalogue.scopes),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["EdDSA", "ES256", "RS256"],
    }


__all__ = ["ASSERTION_TYPE", "PUBLIC", "TOKEN", "auth_router"]
