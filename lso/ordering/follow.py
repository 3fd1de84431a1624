"""An order followed to its end: a live table on a terminal, one line for each change elsewhere."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from lso.ordering.show import heading, item_table, what, why
from presto_api.lifecycles import ENDED
from presto_api.mef.results import ServiceOrder
from presto_client import Client, PrestoError

Progress = Iterator[tuple[ServiceOrder, str]]
"""The order each time it is read, with what the server is doing for it."""

POLL_SECONDS = 0.25
"""Between two looks at a server that tells no events, and between two looks at what is being done."""


def follow(client: Client, order_id: str, console: Console) -> ServiceOrder:
    """Show the order until it has ended, and return it. Raises NotFound, Unreachable."""
    show = _live if console.is_terminal else _lines
    return show(_progress(client, client.orders.get(order_id)), console)


def _live(progress: Progress, console: Console) -> ServiceOrder:
    began, order = time.monotonic(), None
    with Live(console=console, auto_refresh=False) as live:
        for order, doing in progress:
            live.update(_picture(order, doing, time.monotonic() - began), refresh=True)
    return _last(order)


def _picture(order: ServiceOrder, doing: str, seconds: float) -> RenderableType:
    """What is on the screen."""
    last = Text(f"{seconds:6.1f} s  {doing}".rstrip(), style="dim")
    return Group(heading(order), Text(), item_table(order), Text(), last)


def _lines(progress: Progress, console: Console) -> ServiceOrder:
    began, told, order = time.monotonic(), dict[str, str](), None
    for order, doing in progress:
        for name, text in _standing(order, doing).items():
            if told.get(name) != text:
                console.print(f"{time.monotonic() - began:6.1f} s  {name}{text}")
                told[name] = text
    for item in _last(order).service_order_item:
        if why(item):
            console.print(f"item {item.id}: {why(item)}")
    return _last(order)


def _standing(order: ServiceOrder, doing: str) -> dict[str, str]:
    """What there is to tell, by what it is about."""
    items = {
        f"item {item.id} {' '.join(what(item))}".rstrip() + ": ": str(item.state) for item in order.service_order_item
    }
    return {**({"": doing} if doing else {}), **items, "order: ": str(order.state)}


def _last(order: ServiceOrder | None) -> ServiceOrder:
    if order is None:
        raise AssertionError("an order is looked at once at least")
    return order


def _progress(client: Client, order: ServiceOrder) -> Progress:
    """The order as it is at each look, the last one ended, with what is being done."""
    names = [item.service.id for item in order.service_order_item if item.service.id]
    with _changes(client, names) as wait:
        while order.state not in ENDED:
            yield order, _doing(client, names)
            wait(POLL_SECONDS)
            order = client.orders.get(order.id)
    yield order, ""


def _doing(client: Client, services: list[str]) -> str:
    """What the server is doing for the SWVC of the order, in its own words."""
    for name in services:
        try:
            pairs = client.connectivity.service(name).name or ()
        except PrestoError:
            continue  # not the SWVC, or not ours to see: only the words are missing then
        return next((pair.value or "" for pair in pairs if pair.value_name == "lso-progress"), "")
    return ""


@contextmanager
def _changes(client: Client, services: list[str]) -> Iterator[Callable[[float], object]]:
    """A function that waits until an event came or the time is over; without a stream of events, until it is over."""
    changed, over = threading.Event(), threading.Event()

    def listen() -> None:
        with contextlib.suppress(PrestoError), client.extensions.events(services=services) as events:
            for _event in events:
                changed.set()
                if over.is_set():
                    return

    def wait(seconds: float) -> None:
        changed.wait(seconds)
        changed.clear()

    threading.Thread(target=listen, name="events", daemon=True).start()
    try:
        yield wait
    finally:
        over.set()
