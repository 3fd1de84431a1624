"""Errors as RFC 9457 has them: `application/problem+json` with everything that is wrong, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException

from common.findings import MAX_REPORTED, Finding, Rejected, Tag, pointer, told
from common.json_text import BodyTooBig
from presto.extensions import words
from presto.web.segments import written
from presto_api.wire import Wire

MEDIA = "application/problem+json"
_STATUS = {
    Tag.ACCESS_DENIED: 403,
    Tag.DATA_EXISTS: 409,
    Tag.IN_USE: 409,
    Tag.MALFORMED_MESSAGE: 400,
    Tag.NOT_FOUND: 404,
    Tag.OPERATION_FAILED: 502,
    Tag.OPERATION_NOT_SUPPORTED: 501,
    Tag.TOO_BIG: 413,
}
"""All else is a body that can be read and not carried out: 422."""
_NAMES = {"mappings": "policyMap", "overrides": "policyMap"}
"""Members of the core model that have other names in this API."""


class ProblemFinding(Wire):
    """One thing that is wrong."""

    pointer: str = Field(description="Where: a JSON Pointer (RFC 6901) into the body, or the name of a parameter")
    message: str = Field(description="What is wrong, in one sentence")
    hint: str = Field("", description="What to do")
    rule: str = Field("", description="The rule that it breaks, such as `MEF 70 R41`")


class Problem(Wire):
    """RFC 9457, with all findings at once."""

    type: str = Field(examples=["urn:lso:problem:not-found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=['There is no service "acme"'])
    findings: tuple[ProblemFinding, ...] = ()


class Refused(Exception):
    """The request is answered with this status; for what no finding of the core has a tag."""

    def __init__(self, status: int, detail: str, findings: Iterable[Finding] = ()) -> None:
        self.status, self.detail, self.findings = status, detail, tuple(findings)
        super().__init__(detail)


def declared(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of an operation for its description, besides those that every operation has."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA: schema}} for status in sorted(statuses)
    }


def problem(
    status: int, detail: str, findings: Iterable[Finding] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """The answer."""
    phrase = HTTPStatus(status).phrase
    body = Problem(
        type=f"urn:lso:problem:{phrase.casefold().replace(' ', '-')}",
        title=phrase,
        status=status,
        detail=detail,
        findings=tuple(map(shown_finding, told(findings))),
    )
    text = body.model_dump_json(by_alias=True, exclude_defaults=True)
    return Response(text, status, media_type=MEDIA, headers=dict(headers or {}))


def rejected(findings: Iterable[Finding]) -> Response:
    """The answer to what the core refuses; findings of several kinds share 422."""
    findings = tuple(findings)
    statuses = {_STATUS.get(finding.tag, 422) for finding in findings}
    status = statuses.pop() if len(statuses) == 1 else 422
    detail = findings[0].message if len(findings) == 1 else f"{len(findings)} things are wrong"
    return problem(status, detail, findings)


def add_handlers(app: FastAPI) -> None:
    """Have every error of an application answered in this form."""
    app.add_exception_handler(Rejected, _rejected)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _unknown)
    app.add_exception_handler(BodyTooBig, _too_big)
    app.add_exception_handler(Exception, _failed)


def shown_finding(finding: Finding) -> ProblemFinding:
    """A finding with its place in the names of this API."""
    path = tuple(part if isinstance(part, int) else _NAMES.get(part) or to_camel(part) for part in finding.path)
    return ProblemFinding(pointer=pointer(path), message=finding.message, hint=finding.hint, rule=finding.rule)


async def _rejected(_request: Request, error: Exception) -> Response:
    return rejected(error.findings if isinstance(error, Rejected) else ())


async def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, Refused):
        raise error
    return problem(error.status, error.detail, error.findings)


async def _invalid(request: Request, error: Exception) -> Response:
    """What has another form than described; a body that is no JSON at all is 400."""
    if not isinstance(error, RequestValidationError):
        raise error
    details = error.errors()
    if broken := [detail for detail in details if detail["type"] == "json_invalid"]:
        reason = f"The body is not JSON: {broken[0]['ctx']['error']} (character {broken[0]['loc'][-1]})"
        return problem(400, reason, [Finding(Tag.MALFORMED_MESSAGE, (), reason)])
    body = getattr(request.scope["route"], "body_field", None)
    model = body and body.field_info.annotation
    findings = [_form(detail, model) for detail in details[: MAX_REPORTED + 1]]
    return problem(422, "The request has another form than described", findings)


def _form(detail: Any, body: Any) -> Finding:
    """Parameters are told by their names, what is in the body by its place there."""
    where, *inside = detail["loc"]
    return words.finding({**detail, "loc": tuple(inside)}, body if where == "body" else None)


async def _unknown(request: Request, error: Exception) -> Response:
    """Paths and methods that this API does not have."""
    if not isinstance(error, HTTPException):
        raise error
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return problem(
        error.status_code, f"{request.method} {written(request.url.path)[:120]}: {error.detail}", headers=headers
    )


def _methods(request: Request) -> set[str]:
    """All methods of the path, as the API describes itself; the framework names those of one route only."""
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    described: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    templates = {re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)): found for template, found in described.items()}
    return {method.upper() for template, found in templates.items() if re.fullmatch(template, path) for method in found}


async def _too_big(_request: Request, error: Exception) -> Response:
    return problem(413, str(error))


async def _failed(_request: Request, _error: Exception) -> Response:
    """A fault of ours: the client learns no more than that; the server's log has the rest."""
    return problem(500, "The server failed; see its log")
