"""An order on its way to the database: it is stored with the change of the service that carries it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class NewItem:
    """An item to be stored with its order; `end_point` decides how it ends, none: the SWVC does.

    `asked` is what the item says of its service; `element` and `said` are known for what is enrolled only: its id, and
    what is said of it that the inventory of uCPEs does not tell.
    """

    id: str
    action: str
    kind: str
    end_point: str | None
    asked: Mapping[str, Any]
    element: str | None = None
    said: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class NewOrder:
    """An order to be stored; `document` is what the client sent.

    `external_id` is the client's own id, where it may stand for one order only.
    """

    id: str
    document: Mapping[str, Any]
    items: tuple[NewItem, ...]
    external_id: str | None = None


@dataclass
class Receipt:
    """What became of a placed order: when it was taken, and the element of each item; empty until it is stored."""

    order: NewOrder
    ordered: datetime | None = None
    elements: tuple[str, ...] = ()


# Holds the order until the first write takes it: tasks that start meanwhile carry the context on.
_placed: ContextVar[list[Receipt] | None] = ContextVar("presto_placed_order", default=None)


@contextmanager
def placed(order: NewOrder) -> Iterator[Receipt]:
    """The change of a service that is made inside carries this order out, and is stored together with it."""
    receipt = Receipt(order)
    token = _placed.set([receipt])
    try:
        yield receipt
    finally:
        _placed.reset(token)


def take_placed() -> Receipt | None:
    """The order that the change which is being made carries out, once."""
    waiting = _placed.get()
    return waiting.pop() if waiting else None
