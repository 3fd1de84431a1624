"""`GET /metrics`: Prometheus text, and the meter that every request passes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from presto.core.core import Core
from presto.core.counts import Counts, counts
from presto.core.credentials import utc_now
from presto.core.lifecycles import OrderState
from presto.core.meters import Meters
from presto.core.model import State
from presto.core.tunnels import tunnel_verdict, tunnels

MEDIA = "text/plain; version=0.0.4; charset=utf-8"
MOST_LOOKS = 64
"""Services whose tunnels are looked at for one answer; those of the others are not counted."""

_FACES = {"/restconf": "restconf", "/mefApi": "mef", "/presto-sdwan": "extensions"}
_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})


def metrics_router(core: Core) -> APIRouter:
    """Of metrics."""
    router = APIRouter(tags=["server"])
    text: dict[int | str, dict[str, Any]] = {
        200: {"description": "Prometheus text", "content": {"text/plain": {"schema": {"type": "string"}}}}
    }

    @router.get("/metrics", operation_id="getMetrics", response_class=Response, responses=text)
    async def get() -> Response:
        """Orders, services and tunnels by state, the queue, how far listeners are behind, requests and durations."""
        numbers, states = await asyncio.gather(asyncio.to_thread(counts, core.engine), _tunnel_states(core))
        answer = generate_latest(core.meters.registry) + generate_latest(_now(core, numbers, states))
        return Response(answer, 200, media_type=MEDIA)

    return router


class RequestMeter:
    """Counts and times requests by face; unknown methods and paths have one name, however they are called."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self._app, self._meters = app, meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and take the time until its answer begins."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.monotonic()
        face = next((name for base, name in _FACES.items() if scope["path"].startswith(base)), "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"

        async def metered(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._meters.requests.labels(face, method, str(message["status"])).inc()
                self._meters.request_seconds.labels(face).observe(time.monotonic() - start)
            await send(message)

        await self._app(scope, receive, metered)


async def _tunnel_states(core: Core) -> Mapping[str, int]:
    ids = (await core.service_ids())[:MOST_LOOKS]
    found = await asyncio.gather(*(core.service(one) for one in ids), return_exceptions=True)
    services = [one for one in found if not isinstance(one, BaseException)]
    seen = await core.observe(services)
    names = {True: "up", False: "down", None: "unknown"}
    verdicts = (
        tunnel_verdict(tunnel, seen[one.id]) for one in services for tunnel in tunnels(one.swvc, core.inventory)
    )
    return {**dict.fromkeys(names.values(), 0), **Counter(names[verdict.works] for verdict in verdicts)}


def _now(core: Core, numbers: Counts, tunnel_states: Mapping[str, int]) -> CollectorRegistry:
    """The gauges at this moment."""
    registry = CollectorRegistry()
    orders = {**dict.fromkeys(map(str, OrderState), 0), **numbers.orders}
    services = {**dict.fromkeys(map(str, State), 0), **numbers.services}
    for name, text, values in (
        ("presto_orders", "Orders by state", orders),
        ("presto_services", "Services by state", services),
        ("presto_tunnels", "Tunnels by state, of the first services", tunnel_states),
    ):
        gauge = Gauge(name, text, ["state"], registry=registry)
        for state, number in values.items():
            gauge.labels(state).set(number)
    behind = (utc_now() - numbers.oldest).total_seconds() if numbers.oldest and numbers.lag else 0.0
    for name, text, value in (
        ("presto_queue_length", "Pieces of work on services that wait or are under way", core.queue_length),
        ("presto_edges", "uCPEs of the inventory", len(core.inventory.ucpes)),
        ("presto_listeners", "Subscriptions to notifications", numbers.listeners),
        ("presto_dead_letters", "Notifications that were given up", numbers.dead_letters),
        ("presto_notification_lag_events", "Events that the slowest listener has not got", numbers.lag),
        ("presto_notification_lag_seconds", "Age of the oldest of these", behind),
    ):
        Gauge(name, text, registry=registry).set(value)
    return registry
