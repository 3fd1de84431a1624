"""Refusals in the words of the face that was asked: who is not known (401), may not (403), asks too often (429)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

from presto.core.findings import Finding, Tag
from presto.extensions.app import BASE as EXTENSIONS
from presto.extensions.problems import problem
from presto.mef.app import JSON
from presto.restconf import errors
from presto.restconf.router import YANG_JSON, json_response

REALM = "lso-presto"
_TAGS = {401: Tag.ACCESS_DENIED, 403: Tag.ACCESS_DENIED, 429: Tag.RESOURCE_DENIED}


@dataclass(frozen=True)
class Refusal(Exception):
    """A request is not let in; `code` is that of the published MEF error, empty where they have none."""

    status: int
    code: str
    reason: str
    hint: str
    headers: Mapping[str, str]


def unknown(reason: str = "") -> Refusal:
    """Nobody that is known here: without credentials, or for a reason with wrong ones (RFC 6750 section 3)."""
    hint = "Get an access token at /oauth2/token and send it as Authorization: Bearer."
    challenge = f'Bearer realm="{REALM}"'
    if not reason:
        return Refusal(401, "missingCredentials", "No access token", hint, {"WWW-Authenticate": challenge})
    challenge += f', error="invalid_token", error_description="{reason}"'
    return Refusal(401, "invalidCredentials", reason, hint, {"WWW-Authenticate": challenge})


def forbidden(scope: str) -> Refusal:
    """Known, and without the scope of the operation."""
    challenge = f'Bearer realm="{REALM}", error="insufficient_scope", scope="{scope}"'
    hint = "Ask for a token with it; the operator grants it in the clients file."
    return Refusal(403, "accessDenied", f"The access token has no scope {scope}", hint, {"WWW-Authenticate": challenge})


def closed() -> Refusal:
    """The operation is nobody's: it has no scope."""
    return Refusal(403, "forbiddenRequester", "No client may use this operation", "It has no scope.", {})


def too_often(seconds: int) -> Refusal:
    """The client's rate is used up (RFC 6585 section 4)."""
    hint = f"Try again in {seconds} s."
    return Refusal(429, "", "Too many requests", hint, {"Retry-After": str(seconds)})


def answer(refusal: Refusal, path: str) -> Response:
    """The response of the face that this path belongs to."""
    if _below(path, "/mefApi"):
        code = {"code": refusal.code} if refusal.code else {}
        body = json.dumps({**code, "reason": refusal.reason, "message": refusal.hint}, separators=(",", ":"))
        response = Response(body, refusal.status, media_type=JSON)
    elif _below(path, EXTENSIONS):
        finding = Finding(_TAGS[refusal.status], (), refusal.reason, refusal.hint)
        response = problem(refusal.status, refusal.reason, [finding])
    else:
        finding = Finding(_TAGS[refusal.status], (), refusal.reason, refusal.hint)
        response = json_response(errors.body([finding]), refusal.status, YANG_JSON)
    response.headers.update(refusal.headers)
    return response


def _below(path: str, base: str) -> bool:
    return path == base or path.startswith(f"{base}/")
