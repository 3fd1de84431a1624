"""Who asks: a bearer token as it is, or one that the server's token endpoint gives for client credentials."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass, field

import httpx

from presto_client.errors import BadAnswer, error_of

TOKEN_PATH = "/oauth2/token"  # noqa: S105  (a path)
_EARLY = 15.0
"""Seconds before its end at which a token is no longer used."""


@dataclass(frozen=True)
class Token:
    """A bearer token (RFC 6750) that somebody else fetched."""

    value: str = field(repr=False)


@dataclass(frozen=True)
class ClientCredentials:
    """A client of the OAuth 2.0 client credentials grant (RFC 6749 section 4.4); no scope is all that it may have."""

    client_id: str
    secret: str = field(repr=False)
    scope: str = ""


class BearerAuth(httpx.Auth):
    """Sends a token that was given."""

    def __init__(self, token: Token) -> None:
        self._header = f"Bearer {token.value}"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = self._header
        yield request


class ClientCredentialsAuth(httpx.Auth):
    """Fetches a token when there is none, it ends soon, or the server takes it no more; then sends the request."""

    requires_response_body = True

    def __init__(self, url: httpx.URL, credentials: ClientCredentials) -> None:
        self._url, self._credentials = url.join(TOKEN_PATH), credentials
        self._token, self._ends = "", 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if time.monotonic() >= self._ends:
            self._keep((yield self._ask()))
        request.headers["Authorization"] = f"Bearer {self._token}"
        answer = yield request
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._keep((yield self._ask()))
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _ask(self) -> httpx.Request:
        """The token request, the client authenticated by HTTP Basic (RFC 6749 section 2.3.1)."""
        form = {"grant_type": "client_credentials"}
        if self._credentials.scope:
            form["scope"] = self._credentials.scope
        request = httpx.Request("POST", self._url, data=form, headers={"Accept": "application/json"})
        basic = httpx.BasicAuth(self._credentials.client_id, self._credentials.secret)
        return next(basic.auth_flow(request))

    def _keep(self, answer: httpx.Response) -> None:
        if answer.is_error:
            raise error_of(answer)
        try:
            document = answer.json()
            self._token, lives = str(document["access_token"]), float(document.get("expires_in", 60))
        except (ValueError, KeyError, TypeError):
            raise BadAnswer(f"{self._url} gave no token") from None
        self._ends = time.monotonic() + max(lives - _EARLY, lives / 2)


def auth_for(url: httpx.URL, credentials: Token | ClientCredentials | None) -> httpx.Auth | None:
    """What signs the requests to the server at `url`."""
    if isinstance(credentials, ClientCredentials):
        return ClientCredentialsAuth(url, credentials)
    return BearerAuth(credentials) if credentials else None
