"""`GET /metrics`: Prometheus text, and the meter that every request passes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from presto.domain.credentials import utc_now
from presto.domain.model import State
from presto.domain.tunnels import tunnel_verdict, tunnels
from presto.service.core import Core
from presto.service.meters import Counts, Meters, counts
from presto.service.performance import ECHOES, Performance
from presto_api.lifecycles import OrderState

MEDIA = "text/plain; version=0.0.4; charset=utf-8"
MAX_SERVICES = 64
"""Services whose tunnels are observed for one answer; those of the others are not counted."""

_FACES = {"/restconf": "restconf", "/mefApi": "mef", "/presto-sdwan": "extensions"}
_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})


def metrics_router(core: Core) -> APIRouter:
    """The operations on metrics."""
    router = APIRouter(tags=["server"])
    text: dict[int | str, dict[str, Any]] = {
        200: {"description": "Prometheus text", "content": {"text/plain": {"schema": {"type": "string"}}}}
    }

    @router.get("/metrics", operation_id="getMetrics", response_class=Response, responses=text)
    async def get() -> Response:
        """Orders, services and tunnels by state, their delay and loss, the queue, listeners, requests, durations."""
        numbers, observed = await asyncio.gather(asyncio.to_thread(counts, core.engine), _observe(core))
        answer = generate_latest(core.meters.registry) + generate_latest(_now(core, numbers, observed))
        return Response(answer, 200, media_type=MEDIA)

    return router


class RequestMeter:
    """Counts and times requests by API; unknown methods and paths have one name, however they are called."""

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


@dataclass(frozen=True)
class _Observed:
    """Tunnels by state, and what was measured: service, tunnel and uCPE whose gateway says so."""

    states: Mapping[str, int]
    measured: tuple[tuple[tuple[str, str, str], Performance], ...]


async def _observe(core: Core) -> _Observed:
    ids = (await core.service_ids())[:MAX_SERVICES]
    found = await asyncio.gather(*(core.service(one) for one in ids), return_exceptions=True)
    services = [one for one in found if not isinstance(one, BaseException)]
    seen, measured = await asyncio.gather(core.observe(services), core.measure(services, ECHOES))
    names = {True: "up", False: "down", None: "unknown"}
    all_tunnels = [(one, tunnel) for one in services for tunnel in tunnels(one.swvc, core.inventory)]
    verdicts = (tunnel_verdict(tunnel, seen[one.id]) for one, tunnel in all_tunnels)
    states = {**dict.fromkeys(names.values(), 0), **Counter(names[verdict.works] for verdict in verdicts)}
    figures = (
        ((one.id, tunnel.name, own.ucpe), measured[one.id].of(own.ucpe, other.ucpe))
        for one, tunnel in all_tunnels
        for own, other in tunnel.directions
    )
    return _Observed(states, tuple((labels, found) for labels, found in figures if isinstance(found, Performance)))


def _now(core: Core, numbers: Counts, observed: _Observed) -> CollectorRegistry:
    """The gauges at this moment."""
    registry = CollectorRegistry()
    orders = {**dict.fromkeys(map(str, OrderState), 0), **numbers.orders}
    services = {**dict.fromkeys(map(str, State), 0), **numbers.services}
    for name, text, values in (
        ("presto_orders", "Orders by state", orders),
        ("presto_services", "Services by state", services),
        ("presto_tunnels", "Tunnels by state, of the first services", observed.states),
    ):
        gauge = Gauge(name, text, ["state"], registry=registry)
        for state, number in values.items():
            gauge.labels(state).set(number)
    _show_performance(registry, observed)
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


def _show_performance(registry: CollectorRegistry, observed: _Observed) -> None:
    """One series for each end of each tunnel that was measured; the delay has none while nothing comes back."""
    labels = ["service", "tunnel", "edge"]
    delay = Gauge(
        "presto_tunnel_round_trip_seconds", "Mean round trip inside the tunnel just now", labels, registry=registry
    )
    loss = Gauge(
        "presto_tunnel_loss_ratio", "Round trips inside the tunnel that were lost just now", labels, registry=registry
    )
    for names, found in observed.measured:
        loss.labels(*names).set(found.loss / 100)
        if found.mean is not None:
            delay.labels(*names).set(found.mean / 1000)
