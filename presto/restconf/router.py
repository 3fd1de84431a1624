"""The HTTP side of the operations: media types, bodies, and errors in the shape of RFC 8040."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from common.findings import Finding, Rejected, Tag
from presto.persistence.idempotency import KeptAnswer, answer_of, keyed_request
from presto.persistence.unit_of_work import UnitOfWork
from presto.restconf import errors
from presto.restconf.operations import acknowledgement, find_operation, run
from presto.restconf.pairs import published
from presto.restconf.parse import parse_body
from presto.service.core import Core
from presto.web.limits import apart
from presto_api.restconf.tapi import Wire

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
            check_query(request, 'Operations take none: write what you want into "input".')
            _check_content_type(request, media_types)
            parsed = await apart(parse_body, await request.body())

            def acknowledged(unit: UnitOfWork) -> KeptAnswer | None:
                return (
                    answer_of(answer(acknowledgement(core, operation, unit.service), media)) if unit.service else None
                )

            output = await run(operation, core, replace(parsed, request=keyed_request(request.scope, acknowledged)))
        except Rejected as rejected:
            return refusal(rejected, media, module)
        return answer(output, media)

    return router


def json_response(document: Any, status: int, media: str) -> Response:
    """A JSON body of that media type."""
    return Response(json.dumps(document, separators=(",", ":")), status, media_type=media)


def refusal(rejected: Rejected, media: str, module: str = "") -> Response:
    """The answer to a request that is refused; `module` is the YANG module of its operation."""
    return json_response(errors.body(rejected.findings, module), errors.status(rejected.findings), media)


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


def check_query(request: Request, hint: str, known: Mapping[str, Collection[str]] = MappingProxyType({})) -> None:
    """Each parameter once, with a value that it is `known` to have (RFC 8040 section 4.8). Raises Rejected."""
    faults: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            faults[f'There is no query parameter "{name[:60]}"'] = hint
        elif value not in known[name]:
            faults[f'"{value[:60]}" is no value of {name}'] = f"Values: {', '.join(known[name])}."
        elif len(request.query_params.getlist(name)) > 1:
            faults[f"Query parameter {name} stands twice"] = "Keep one."
    if faults:
        raise Rejected(Finding(Tag.INVALID_VALUE, (), message, hint) for message, hint in faults.items())


def _check_content_type(request: Request, known: tuple[str, ...]) -> None:
    """A body needs its type. That also keeps web pages from sending orders: browsers ask before they send this one."""
    given = request.headers.get("content-type", "").split(";")[0].strip().casefold()
    if given and given not in known:
        raise HTTPException(415, f"Send {' or '.join(known)}.")
    has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    if not given and has_body:
        raise HTTPException(415, f"Say what the body is: Content-Type: {YANG_JSON}.")
