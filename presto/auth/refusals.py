"""Why a request is refused: not authenticated (401), not authorized (403), too many requests (429)."""

from __future__ import annotations

from common.findings import Tag
from presto.web.errors import Refusal

REALM = "lso-presto"


class AccessRefused(Exception):
    """A request is refused before any API sees it."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.reason)


def unknown(reason: str = "") -> AccessRefused:
    """401: no credentials, or, where a reason is given, invalid ones (RFC 6750 section 3)."""
    hint = "Get an access token at /oauth2/token and send it as Authorization: Bearer."
    challenge = f'Bearer realm="{REALM}"'
    if not reason:
        return _denied(401, "missingCredentials", "No access token", hint, challenge)
    challenge += f', error="invalid_token", error_description="{reason}"'
    return _denied(401, "invalidCredentials", reason, hint, challenge)


def forbidden(scope: str) -> AccessRefused:
    """403: authenticated, but without the scope of the operation."""
    challenge = f'Bearer realm="{REALM}", error="insufficient_scope", scope="{scope}"'
    hint = "Ask for a token with it; the operator grants it in the clients file."
    return _denied(403, "accessDenied", f"The access token has no scope {scope}", hint, challenge)


def closed() -> AccessRefused:
    """403: the operation has no scope, so nobody may call it."""
    return _denied(403, "forbiddenRequester", "No client may use this operation", "It has no scope.")


def too_often(seconds: int) -> AccessRefused:
    """429: the client's rate limit is reached; *seconds* until the next request (RFC 6585 section 4)."""
    hint, headers = f"Try again in {seconds} s.", {"Retry-After": str(seconds)}
    return AccessRefused(Refusal(429, Tag.RESOURCE_DENIED, "", "Too many requests", hint, headers))


def _denied(status: int, code: str, reason: str, hint: str, challenge: str = "") -> AccessRefused:
    headers = {"WWW-Authenticate": challenge} if challenge else {}
    return AccessRefused(Refusal(status, Tag.ACCESS_DENIED, code, reason, hint, headers))
