"""The OpenAPI document of the PoC's RESTCONF operations: names and modules from the server's own table of them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import get_args, get_type_hints

from presto.docs.schemas import Json, models_of, reachable, reference, schemas
from presto.restconf.operations import OPERATIONS
from presto.restconf.router import YANG_JSON
from presto_api.restconf import messages, sdwan, tapi, tapi_paths
from presto_api.restconf.messages import (
    ConnectionIdInput,
    CreateInput,
    LinkIdInput,
    NodeEdgePointIdInput,
    NodeIdInput,
    ServiceIdInput,
    SipIdInput,
    SipUpdateInput,
    TopologyIdInput,
    UpdateInput,
)
from presto_api.restconf.tapi import Wire
from presto_api.restconf.tapi_paths import ComputeInput, OptimizeInput, PathIdInput

INPUTS: Mapping[str, type[Wire]] = {
    "get-service-interface-point-details": SipIdInput,
    "update-service-interface-point": SipUpdateInput,
    "create-connectivity-service": CreateInput,
    "update-connectivity-service": UpdateInput,
    "delete-connectivity-service": ServiceIdInput,
    "get-connectivity-service-details": ServiceIdInput,
    "get-connection-details": ConnectionIdInput,
    "get-topology-details": TopologyIdInput,
    "get-node-details": NodeIdInput,
    "get-link-details": LinkIdInput,
    "get-node-edge-point-details": NodeEdgePointIdInput,
    "compute-p-2-p-path": ComputeInput,
    "optimize-p-2-p-path": OptimizeInput,
    "delete-p-2-p-path": PathIdInput,
}
"""What the operations take; those that are not here take nothing."""

_ABOUT = (
    "The PoC's published interface: 17 operations over TAPI, with the SD-WAN augmentations. Names may have their YANG "
    "module in front, and paths may go without the slash at the end."
)
_OF_SERVICE = (
    "The example is about the first service that you can see; where there is none, about the one that the example of "
    "`create-connectivity-service` makes."
)
_OF_PATH = "The example is about the path that the example of `compute-p-2-p-path` makes."
_NEEDED: Mapping[str, str] = {
    "create-connectivity-service": "The example takes two UNIs that no service uses, where there are such.",
    "get-connectivity-service-details": _OF_SERVICE,
    "update-connectivity-service": _OF_SERVICE,
    "delete-connectivity-service": _OF_SERVICE,
    "get-connection-details": _OF_SERVICE,
    "optimize-p-2-p-path": _OF_PATH,
    "delete-p-2-p-path": _OF_PATH,
}
"""What has to be there for an example to work."""

_ERROR: Json = {
    "type": "object",
    "required": ["ietf-restconf:errors"],
    "properties": {
        "ietf-restconf:errors": {
            "type": "object",
            "required": ["error"],
            "properties": {
                "error": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["error-type", "error-tag"],
                        "properties": {
                            name: {"type": "string"}
                            for name in ("error-type", "error-tag", "error-app-tag", "error-path", "error-message")
                        },
                    },
                }
            },
        }
    },
}


def document(examples: Mapping[str, Json]) -> Json:
    """The document; `examples` are inputs by the name of the operation."""
    paths = {f"/operations/{name}/": {"post": _operation(name, examples.get(name, {}))} for name in OPERATIONS}
    found: Json = {
        "openapi": "3.1.0",
        "info": {"title": "PoC operations", "version": version("lso-testbed"), "description": _ABOUT},
        "servers": [{"url": "/restconf"}],
        "paths": paths,
    }
    return {**found, "components": {"schemas": reachable(found, _schemas())}}


@cache
def _schemas() -> Json:
    every = schemas(models_of(tapi, sdwan, tapi_paths, messages))
    return {**every, "errors": {**_ERROR, "description": "RFC 8040 section 7.1"}}


def output_model(name: str) -> type[Wire] | None:
    """What an operation answers with, as its handler says; None where it has no output."""
    answer = get_type_hints(OPERATIONS[name].handler)["return"]
    models = [
        choice for choice in get_args(answer) or (answer,) if inspect.isclass(choice) and issubclass(choice, Wire)
    ]
    return models[0] if models else None


def _operation(name: str, example: Json) -> Json:
    operation = OPERATIONS[name]
    text = inspect.getdoc(operation.handler) or name
    summary = text.partition(": ")[2] or text
    output = output_model(name)
    answers: Json = {"201": {"description": "No response"}}
    if output:
        content = {"type": "object", "required": ["output"], "properties": {"output": reference(output)}}
        answers = {"200": {"description": "Correct response", "content": {YANG_JSON: {"schema": content}}}}
    errors = {"content": {YANG_JSON: {"schema": {"$ref": "#/components/schemas/errors"}}}}
    statuses = {"400": "What is wrong, all of it", "404": "There is no such thing", "409": "It is in use or exists"}
    return {
        "operationId": name,
        "tags": [operation.module],
        "summary": summary[:1].upper() + summary[1:].rstrip("."),
        **({"description": _NEEDED[name]} if name in _NEEDED else {}),
        "requestBody": {"content": {YANG_JSON: {"schema": _input(name), "example": {"input": example}}}},
        "responses": {**answers, **{status: {"description": text, **errors} for status, text in statuses.items()}},
    }


def _input(name: str) -> Json:
    model = INPUTS.get(name)
    return {"type": "object", "properties": {"input": reference(model) if model else {"type": "object"}}}
