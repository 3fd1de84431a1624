"""Errors that no face makes itself, in the words of the face that was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.responses import Response

from presto.core.findings import Finding, Tag
from presto.extensions.app import BASE as EXTENSIONS
from presto.extensions.problems import problem
from presto.mef.app import JSON
from presto.restconf import errors
from presto.restconf.router import YANG_JSON, json_response

MEF = "/mefApi"


@dataclass(frozen=True)
class Refusal:
    """Why a request is not carried out. `code` is for the MEF faces, `tag` for RFC 8040."""

    status: int
    tag: Tag
    code: str
    reason: str
    hint: str
    headers: Mapping[str, str] = field(default_factory=dict)


def refuse(refusal: Refusal, path: str) -> Response:
    """The response of the face that this path belongs to."""
    finding = Finding(refusal.tag, (), refusal.reason, refusal.hint)
    if below(path, MEF):
        body = {"code": refusal.code, "reason": refusal.reason, "message": refusal.hint}
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
    """Whether a path belongs to a face."""
    return path == base or path.startswith(f"{base}/")
