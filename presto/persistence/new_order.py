"""An order on its way to the database: it is stored with the change of the service that carries it out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from presto_api.lifecycles import ServiceState


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


def _any_state(_inactive: Mapping[str, ServiceState]) -> None:
    """The order says nothing of enrolled things."""


@dataclass(frozen=True)
class NewOrder:
    """An order to be stored; `document` is what the client sent.

    `external_id` is the client's own id, where it may stand for one order only. `enrolled` are the ids of the enrolled
    things that it names: `check_enrolled` is told which of them are not active, and raises what refuses the order.
    """

    id: str
    document: Mapping[str, Any]
    items: tuple[NewItem, ...]
    external_id: str | None = None
    enrolled: Collection[str] = ()
    check_enrolled: Callable[[Mapping[str, ServiceState]], None] = _any_state
