"""The OpenAPI documents of ordering and inventory: the operations, told once, with the models that the server uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, get_args

from pydantic import BaseModel

from presto.docs.schemas import Json, models_of, published_name, reachable, reference, schemas
from presto.mef import inventory, ordering
from presto.mef.addresses import BASES
from presto.mef.app import JSON
from presto.mef.query import LARGEST_PAGE
from presto_api.mef import envelope, payload, results
from presto_api.mef.envelope import Order, ServiceStateType, Subscription
from presto_api.mef.payload import KINDS, MODELS
from presto_api.mef.results import (
    Error,
    Error400,
    Error401,
    Error403,
    Error404,
    Error422,
    Error500,
    EventSubscription,
    ItemStateType,
    Service,
    ServiceOrder,
)

_ERRORS: Mapping[int, type[Error]] = {
    400: Error400,
    401: Error401,
    403: Error403,
    404: Error404,
    413: Error400,
    422: Error422,
    500: Error500,
}
_ORDERS, _SERVICES, _EVENTS = "Service Order", "Service", "Events subscription"


@dataclass(frozen=True)
class Operation:
    """An operation: its answer is of `model`, a list of it where there are `filters`, or nothing."""

    id: str
    method: str
    path: str
    tag: str
    summary: str
    status: int
    errors: tuple[int, ...]
    model: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    filters: tuple[str, ...] | None = None


_FOUND, _GIVEN, _GONE = (400, 401, 403, 422, 500), (400, 401, 403, 413, 422, 500), (400, 401, 403, 404, 500)


def _hub(retrieve: str) -> tuple[Operation, ...]:
    subscription = EventSubscription
    return (
        Operation(
            "registerListener", "post", "/hub", _EVENTS, "Have events sent to a listener", 201, _GIVEN,
            subscription, Subscription,
        ),
        Operation(retrieve, "get", "/hub/{id}", _EVENTS, "Show a listener", 200, _GONE, subscription),
        Operation(
            "unregisterListener", "delete", "/hub/{id}", _EVENTS, "Forget a listener", 204, (*_GONE[:-1], 422, 500)
        ),
    )  # fmt: skip


OPERATIONS: Mapping[str, tuple[Operation, ...]] = {
    "ordering": (
        Operation(
            "createServiceOrder", "post", "/serviceOrder", _ORDERS, "Place an order", 201, _GIVEN, ServiceOrder, Order
        ),
        Operation(
            "listServiceOrder", "get", "/serviceOrder", _ORDERS, "List orders, oldest first", 200, _FOUND,
            ServiceOrder, filters=ordering.FILTERS,
        ),
        Operation(
            "retrieveServiceOrder", "get", "/serviceOrder/{id}", _ORDERS, "Show an order", 200, _GONE, ServiceOrder
        ),
        *_hub("retrieveEventSubscription"),
    ),
    "inventory": (
        Operation(
            "serviceFind", "get", "/service", _SERVICES, "List services", 200, _FOUND, Service,
            filters=inventory.FILTERS,
        ),
        Operation("serviceGet", "get", "/service/{id}", _SERVICES, "Show a service", 200, _GONE, Service),
        *_hub("retrieveHub"),
    ),
}  # fmt: skip
_ABOUT = {
    "ordering": (
        "Service ordering",
        "MEF 99.1, Legato v6, with the SD-WAN payloads of MEF W100. Choose an example below *Place an order*: it is "
        "written for the UNIs and services that this server has now. The answer has the order's id; *Show an order* "
        "tells how far it is.",
    ),
    "inventory": (
        "Service inventory",
        "MEF 135.1, Legato v7: UNIs, SWVCs and their end points, whichever API they were ordered through.",
    ),
}
_STATES = {"ordering": (*get_args(ItemStateType), "partial"), "inventory": get_args(ServiceStateType)}


def document(api: str, examples: Mapping[str, Json], ids: Mapping[str, str]) -> Json:
    """The document of one API; `examples` are those of the order's body, `ids` fill in `{id}` by operation."""
    paths: Json = {}
    for operation in OPERATIONS[api]:
        paths.setdefault(operation.path, {})[operation.method] = _operation(api, operation, examples, ids)
    title, description = _ABOUT[api]
    found: Json = {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version("lso-testbed"), "description": description},
        "servers": [{"url": f"/mefApi{BASES[api]}"}],
        "paths": paths,
    }
    return {**found, "components": {"schemas": reachable(found, _schemas())}}


@cache
def _schemas() -> Json:
    every = schemas(models_of(envelope, payload, results))
    _type_payloads(every)
    return every


def _operation(api: str, operation: Operation, examples: Mapping[str, Json], ids: Mapping[str, str]) -> Json:
    found: Json = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "responses": {str(operation.status): _answer(operation)},
    }
    found["responses"] |= {str(status): _error(status) for status in operation.errors}
    parameters = [_query(api, name) for name in operation.filters or ()]
    if operation.filters is not None:
        parameters += [_number("offset", 0), _number("limit", LARGEST_PAGE)]
    if "{id}" in operation.path:
        example = {"example": ids[operation.id]} if operation.id in ids else {}
        parameters.append({"name": "id", "in": "path", "required": True, "schema": {"type": "string"}, **example})
    if operation.id == "createServiceOrder":
        text = "Names this order: sent again under the same key, it is carried out once"
        parameters.append(
            {"name": "Idempotency-Key", "in": "header", "description": text, "schema": {"type": "string"}}
        )
    if parameters:
        found["parameters"] = parameters
    if operation.body:
        shown = (
            examples if operation.body is Order else {"all": {"value": {"callback": "https://listener.example/base"}}}
        )
        content = {"schema": reference(operation.body), "examples": dict(shown)}
        found["requestBody"] = {"required": True, "content": {JSON: content}}
    return found


def _answer(operation: Operation) -> Json:
    answer: Json = {"description": HTTPStatus(operation.status).phrase}
    if operation.model is None:
        return answer
    schema = reference(operation.model)
    if operation.filters is not None:
        schema = {"type": "array", "items": schema}
        answer["headers"] = {
            "X-Total-Count": {"schema": {"type": "integer"}, "description": "All that match"},
            "X-Result-Count": {"schema": {"type": "integer"}, "description": "Those of this page"},
            "X-Pagination-Throttled": {"schema": {"type": "boolean"}, "description": "Whether we cut the page short"},
        }
    return {**answer, "content": {JSON: {"schema": schema}}}


def _error(status: int) -> Json:
    schema = reference(_ERRORS[status])
    phrase = HTTPStatus(status).phrase
    content = {"type": "array", "items": schema} if status == HTTPStatus.UNPROCESSABLE_ENTITY else schema
    return {"description": phrase, "content": {JSON: {"schema": content}}}


def _query(api: str, name: str) -> Json:
    schema: Json = {"type": "string"}
    if name.endswith((".gt", ".lt")):
        schema["format"] = "date-time"
    elif name == "state":
        schema["enum"] = list(_STATES[api])
    elif name == "startMode":
        schema["enum"] = list("012345")
    return {"name": name, "in": "query", "schema": schema}


def _number(name: str, default: int) -> Json:
    return {"name": name, "in": "query", "schema": {"type": "integer", "minimum": 0, "default": default}}


def _type_payloads(every: dict[str, Any]) -> None:
    """A `serviceConfiguration` is of the type that its `@type` names."""
    choice: Json = {
        "oneOf": [reference(model) for model in MODELS.values()],
        "discriminator": {
            "propertyName": "@type",
            "mapping": {urn: reference(MODELS[kind])["$ref"] for urn, kind in KINDS.items()},
        },
    }
    for kind, model in MODELS.items():
        urns = [urn for urn, other in KINDS.items() if other is kind]
        every[published_name(model)]["properties"]["@type"] = {"type": "string", "enum": urns}
    for name in ("ServiceValue", "Service"):
        every[name]["properties"]["serviceConfiguration"] = choice
