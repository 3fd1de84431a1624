"""The HTTP side of the operations: media types, bodies, and errors in the shape of RFC 8040."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from presto.domain.findings import Finding, Rejected, Tag
from presto.persistence.idempotency import answer_of, answering
from presto.restconf import errors
from presto.restconf.operations import acknowledgement, find_operation, run
from presto.restconf.pairs import published
from presto.restconf.parse import parse_body
from presto.restconf.tapi import Wire
from presto.service.core import Core
from presto.web.json_body import apart

OPERATION_ID = "{name}"
"""What an operation needs as its scope: its own name, which stands in the path."""

YANG_JSON, PLAIN_JSON = "application/yang-data+json", "application/json"


def restconf_router(core: Core) -> APIRouter:
    """`POST /restconf/operations/<operation>`, with or without a slash at the end and the module in front."""
    router = APIRouter(prefix="/restconf")
    strict = core.settings.strict
    media_types = (YANG_JSON,) if strict else (YANG_JSON, PLAIN_JSON)

    def answer(output: Wire | None, media: str) -> Response:
        if output is None:
            # The published file answers operations without output with 201 "No response", and produces one media type.
            return Response(status_code=201, media_type=media)
        document = output.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return json_response({"output": published(document) if strict else document}, 200, media)

    @router.post("/operations/{name}", operation_id=OPERATION_ID)
    @router.post("/operations/{name}/", operation_id=OPERATION_ID)
    async def operate(name: str, request: Request) -> Response:
        media = answer_media(request, media_types)
        module = ""
        try:
            operation = find_operation(name)
            module = operation.module
            _check_query(request)
            _check_content_type(request, media_types)
            body = await apart(parse_body, await request.body())
            with answering(lambda written: answer_of(answer(acknowledgement(core, operation, written), media))):
                output = await run(operation, core, body)
        except Rejected as rejected:
            status = errors.status(rejected.findings)
            return json_response(errors.body(rejected.findings, module), status, media)
        return answer(output, media)

    return router


def json_response(document: Any, status: int, media: str) -> Response:
    """A JSON body of that media type."""
    return Response(json.dumps(document, separators=(",", ":")), status, media_type=media)


def answer_media(request: Request, known: tuple[str, ...]) -> str:
    """The media type of the answer. Raises HTTPException 406 when the client accepts none that we have."""
    headers = request.headers.getlist("accept")
    accepted = _media_types(headers) if headers else {"*/*"}
    if accepted & {YANG_JSON, "application/*", "*/*"}:
        return YANG_JSON
    if PLAIN_JSON in accepted and PLAIN_JSON in known:
        return PLAIN_JSON
    raise HTTPException(406, f"The answer is {' or '.join(known)}.")


def _media_types(headers: Iterable[str]) -> set[str]:
    types = (part.split(";") for header in headers for part in header.split(","))
    kinds = {kind.strip().casefold() for kind, *parameters in types if not any(map(_refused, parameters))}
    return kinds - {""}


def _refused(parameter: str) -> bool:
    name, _, value = parameter.strip().partition("=")
    return name.casefold() == "q" and not value.strip("0. ")


def _check_query(request: Request) -> None:
    """An operation has its input and nothing else (RFC 8040 section 4.8 has no parameter for them). Raises Rejected."""
    hint = 'Operations take none: write what you want into "input".'
    names = dict.fromkeys(name[:60] for name in request.query_params)
    if names:
        raise Rejected(Finding(Tag.INVALID_VALUE, (), f'There is no query parameter "{name}"', hint) for name in names)


def _check_content_type(request: Request, known: tuple[str, ...]) -> None:
    """A body needs its type. That also keeps web pages from sending orders: browsers ask before they send this one."""
    given = request.headers.get("content-type", "").split(";")[0].strip().casefold()
    if given and given not in known:
        raise HTTPException(415, f"Send {' or '.join(known)}.")
    has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    if not given and has_body:
        raise HTTPException(415, f"Say what the body is: Content-Type: {YANG_JSON}.")
