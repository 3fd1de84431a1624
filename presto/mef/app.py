"""The two published APIs over HTTP: paths, media type and errors exactly as their files have them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Mount, Route

from common.findings import first
from common.json_text import BodyTooBig, json_text
from presto.mef import inventory, ordering, show
from presto.mef.addresses import BASES, hub_address, order_address
from presto.mef.hub import check_callback, event_types
from presto.mef.placing import acknowledged, place
from presto.mef.query import no_query
from presto.notify.notifier import Notifier
from presto.persistence.idempotency import KeptAnswer, answer_of, keyed_request
from presto.persistence.unit_of_work import UnitOfWork
from presto.service.core import Core
from presto.service.orders import OrderRecord, Orders
from presto.web.limits import apart
from presto.web.mounting import mount
from presto_api.mef.envelope import Subscription
from presto_api.mef.problems import HttpError, Problem, Refused
from presto_api.mef.wire import parse_json, validate

JSON = "application/json;charset=utf-8"
_RETRIEVE_LISTENER = {"ordering": "retrieveEventSubscription", "inventory": "retrieveHub"}
"""The two files call it so."""
LISTS = frozenset({"listServiceOrder", "serviceFind"})
"""The operations that take filters and pages."""


def mef_mount(core: Core, notifier: Notifier) -> Mount:
    """Both APIs at `/mefApi`."""
    return mount("/mefApi", mef_app(core, notifier))


def mef_app(core: Core, notifier: Notifier) -> Starlette:
    """Both APIs, with their own errors."""
    orders = Orders(core.engine)
    hubs = (operation for api in BASES for operation in _hub(api, notifier))
    app = Starlette(
        routes=[*_ordering(core, orders), *_inventory(core, orders), *hubs],
        exception_handlers={Refused: _refused, HttpError: _answered, HTTPException: _unknown, Exception: _failed},
    )
    app.router.redirect_slashes = False
    return app


class Operation(Route):
    """A published operation.

    Requests and answers are checked and made as the files have them, without FastAPI, which took a tenth of the time of
    an order.
    """

    def __init__(self, operation_id: str, method: str, path: str, endpoint: Callable[..., Awaitable[Response]]) -> None:
        async def without_query(request: Request) -> Response:
            no_query(request)
            return await endpoint(request)

        super().__init__(path, endpoint if operation_id in LISTS else without_query, methods=[method])
        self.operation_id = operation_id
        self.methods = {method}  # the files have no HEAD


def _ordering(core: Core, orders: Orders) -> Iterator[Operation]:
    path = f"{BASES['ordering']}/serviceOrder"

    async def create(request: Request) -> Response:
        document = await _body(request)
        keyed = keyed_request(request.scope, _acknowledgement)
        return _created(await place(core, orders, document, keyed))

    async def find(request: Request) -> Response:
        found, headers = await ordering.find(orders, request)
        return _json([show.order(order) for order in found], 200, headers)

    async def get(request: Request) -> Response:
        order_id = request.path_params["id"]
        return _json(show.order(_found(await orders.order(order_id), "service order", order_id)))

    yield Operation("createServiceOrder", "POST", path, create)
    yield Operation("listServiceOrder", "GET", path, find)
    yield Operation("retrieveServiceOrder", "GET", f"{path}/{{id}}", get)


def _inventory(core: Core, orders: Orders) -> Iterator[Operation]:
    path = f"{BASES['inventory']}/service"

    async def find(request: Request) -> Response:
        found, headers = await inventory.find(core, orders, request)
        return _json(found, 200, headers)

    async def get(request: Request) -> Response:
        service_id = request.path_params["id"]
        return _json(_found(await inventory.get(core, orders, service_id), "service", service_id))

    yield Operation("serviceFind", "GET", path, find)
    yield Operation("serviceGet", "GET", f"{path}/{{id}}", get)


def _hub(api: str, notifier: Notifier) -> Iterator[Operation]:
    path = f"{BASES[api]}/hub"

    async def subscribe(request: Request) -> Response:
        given, problems = validate(Subscription, await _body(request))
        if given is None:
            raise Refused(problems)
        check_callback(given)
        event_types(api, given.query)
        if reason := notifier.refusal(given.callback):
            hint = "Give a callback that the server may reach."
            raise Refused([Problem("invalidValue", ("callback",), f"Nothing is sent there: {reason}", hint)])
        if await notifier.is_full():
            reason = f"There are {notifier.settings.listeners} subscriptions already, as many as one tenant may have"
            raise HttpError(409, "conflict", reason, "Delete one that is of no more use.")
        listener = await notifier.subscribe(api, given.callback, given.query, keyed_request(request.scope))
        return _json(show.listener(listener), 201, {"Location": hub_address(api, listener.id)})

    async def get(request: Request) -> Response:
        listener_id = request.path_params["id"]
        return _json(show.listener(_found(await notifier.listener(api, listener_id), "listener", listener_id)))

    async def unsubscribe(request: Request) -> Response:
        listener_id = request.path_params["id"]
        _found(
            await notifier.unsubscribe(api, listener_id, keyed_request(request.scope)) or None, "listener", listener_id
        )
        return Response(status_code=204)

    yield Operation("registerListener", "POST", path, subscribe)
    yield Operation(_RETRIEVE_LISTENER[api], "GET", f"{path}/{{id}}", get)
    yield Operation("unregisterListener", "DELETE", f"{path}/{{id}}", unsubscribe)


def _json(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json_text(document), status, headers=dict(headers or {}), media_type=JSON)


def _created(order: OrderRecord) -> Response:
    return _json(show.order(order), 201, {"Location": order_address(order.id)})


def _acknowledgement(unit: UnitOfWork) -> KeptAnswer:
    """What is answered to a new order, from what was stored."""
    return answer_of(_created(acknowledged(unit)))


def _found(thing: Any, kind: str, thing_id: str) -> Any:
    if thing is None:
        raise HttpError(404, "notFound", f'There is no {kind} "{thing_id[:60]}"')
    return thing


async def _body(request: Request) -> dict[str, Any]:
    """A body needs its type: so no web page can send one without asking the server first."""
    media = request.headers.get("content-type", "").casefold()
    kind, _, parameters = media.partition(";")
    charset = re.search(r"charset\s*=\s*\"?([^\s;\"]+)", parameters)
    if kind.strip() != "application/json" or (charset and charset[1] not in {"utf-8", "utf8"}):
        raise HttpError(400, "invalidBody", "The body is not announced as JSON", f"Send Content-Type: {JSON}.")
    try:
        return await apart(parse_json, await request.body())
    except BodyTooBig as error:
        raise HttpError(413, "invalidBody", str(error), "Send less.") from None


async def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, Refused):
        raise error
    problems = tuple(dict.fromkeys(error.problems))
    told = first(problems, lambda following, message: Problem(following.code, (), message, "Correct these first."))
    return _json([problem.body() for problem in told], 422)


async def _answered(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HttpError):
        raise error
    return _json(error.body(), error.status)


async def _unknown(request: Request, error: Exception) -> Response:
    """Paths and methods that the files do not have. For 405 they have no code either."""
    if not isinstance(error, HTTPException):
        raise error
    reason = f"{request.method} {request.url.path[:120]}: {error.detail}"
    body = {"reason": reason, **({"code": "notFound"} if error.status_code == 404 else {})}
    allowed = {"Allow": _allowed(request)} if error.status_code == 405 else {}
    return _json(body, error.status_code, {**(error.headers or {}), **allowed})


def _allowed(request: Request) -> str:
    """The published methods of a path; the framework names those of one route only."""
    routes = (route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE)
    return ", ".join(sorted(method for route in routes for method in route.methods))


async def _failed(_request: Request, _error: Exception) -> Response:
    """A fault of ours: the client learns no more than that; the server's log has the rest."""
    return _json({"code": "internalError", "reason": "The server failed", "message": "See its log."}, 500)
