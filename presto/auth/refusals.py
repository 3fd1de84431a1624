"""Why a request is not let in: who is not known (401), may not (403), asks too often (429)."""

from __future__ import annotations

from common.findings import Tag
from presto.web.errors import Refusal

REALM = "lso-presto"


class AccessRefused(Exception):
    """A request stops at the door."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.reason)


def unknown(reason: str = "") -> AccessRefused:
    """Nobody that is known here: without credentials, or for a reason with wrong ones (RFC 6750 section 3)."""
    hint = "Get an access token at /oauth2/token and send it as Authorization: Bearer."
    challenge = f'Bearer realm="{REALM}"'
    if not reason:
        return _denied(401, "missingCredentials", "No access token", hint, challenge)
    challenge += f', error="invalid_token", error_description="{reason}"'
    return _denied(401, "invalidCredentials", reason, hint, challenge)


def forbidden(scope: str) -> AccessRefused:
    """Known, and without the scope of the operation."""
    challenge = f'Bearer realm="{REALM}", error="insufficient_scope", scope="{scope}"'
    hint = "Ask for a token with it; the operator grants it in the clients file."
    return _denied(403, "accessDenied", f"The access token has no scope {scope}", hint, challenge)


def closed() -> AccessRefused:
    """The operation is nobody's: it has no scope."""
    return _denied(403, "forbiddenRequester", "No client may use this operation", "It has no scope.")


def too_often(seconds: int) -> AccessRefused:
    """The client's rate is used up (RFC 6585 section 4)."""
    hint, headers = f"Try again in {seconds} s.", {"Retry-After": str(seconds)}
    return AccessRefused(Refusal(429, Tag.RESOURCE_DENIED, "", "Too many requests", hint, headers))


def _denied(status: int, code: str, reason: str, hint: str, challenge: str = "") -> AccessRefused:
    headers = {"WWW-Authenticate": challenge} if challenge else {}
    return AccessRefused(Refusal(status, Tag.ACCESS_DENIED, code, reason, hint, headers))
