"""Errors that no API makes itself, in the format of the API that was called."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from fastapi import Request
from sqlalchemy.exc import DataError
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount

from common.database import CONNECTION_ERRORS
from common.findings import Finding, Tag
from common.text import STORABLE
from presto.extensions.app import BASE as EXTENSIONS
from presto.extensions.problems import problem
from presto.mef.app import JSON
from presto.restconf import errors
from presto.restconf.router import YANG_JSON, json_response

MEF = "/mefApi"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Refusal:
    """Why a request is not carried out. `code` is for the MEF APIs, empty where they have none; `tag` for RFC 8040."""

    status: int
    tag: Tag
    code: str
    reason: str
    hint: str
    headers: Mapping[str, str] = field(default_factory=dict)


UNAVAILABLE = Refusal(
    503,
    Tag.OPERATION_FAILED,
    "serviceUnavailable",
    "The database does not answer",
    "Try again; what was accepted is carried on when it does.",
    {"Retry-After": "5"},
)
NO_TEXT = Refusal(
    400,
    Tag.INVALID_VALUE,
    "invalidQuery",
    "The request has text that cannot be stored",
    STORABLE,
)


def refuse(refusal: Refusal, path: str) -> Response:
    """The response in the format of the API that this path belongs to."""
    finding = Finding(refusal.tag, (), refusal.reason, refusal.hint)
    if below(path, MEF):
        code = {"code": refusal.code} if refusal.code else {}
        body = {**code, "reason": refusal.reason, "message": refusal.hint}
        # The published files have a list of problems for 422, and one for all others.
        document = [{**body, "propertyPath": ""}] if refusal.status == 422 else body
        response = Response(json.dumps(document, separators=(",", ":")), refusal.status, media_type=JSON)
    elif below(path, EXTENSIONS):
        response = problem(refusal.status, refusal.reason, [finding])
    else:
        response = json_response(errors.body([finding]), refusal.status, YANG_JSON)
    response.headers.update(refusal.headers)
    return response


def below(path: str, base: str) -> bool:
    """Whether a path belongs to the API at *base*."""
    return path == base or path.startswith(f"{base}/")


def add_store_handlers(app: Starlette) -> None:
    """Have what the database cannot do answered by all APIs, each in its format."""
    for part in (app, *(route.app for route in app.routes if isinstance(route, Mount))):
        if isinstance(part, Starlette):
            for error in CONNECTION_ERRORS:
                part.add_exception_handler(error, _unavailable)
            part.add_exception_handler(DataError, _no_text)


async def _unavailable(request: Request, error: Exception) -> Response:
    log.warning("%s %s: %s", request.method, request.url.path[:120], getattr(error, "orig", None) or error)
    return refuse(UNAVAILABLE, request.url.path)


async def _no_text(request: Request, _error: Exception) -> Response:
    return refuse(NO_TEXT, request.url.path)
