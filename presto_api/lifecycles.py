"""The lives of orders, items and services as graphs (MEF 99.1, sections on states): data, and what follows from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TypeVar


class OrderState(StrEnum):
    """States of an order; an item has the same ones without `partial`."""

    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    PENDING = "pending"
    HELD = "held"
    IN_PROGRESS = "inProgress"
    COMPLETED = "completed"
    FAILED = "failed"
    PARTIAL = "partial"


class ServiceState(StrEnum):
    """States of a service in the inventory."""

    FEASIBILITY_CHECKED = "feasibilityChecked"
    DESIGNED = "designed"
    RESERVED = "reserved"
    INACTIVE = "inactive"
    ACTIVE = "active"
    TERMINATED = "terminated"


S = TypeVar("S", bound=StrEnum)
Graph = Mapping[S, frozenset[S]]

_O, _S = OrderState, ServiceState

ITEM_GRAPH: Graph[OrderState] = {
    _O.ACKNOWLEDGED: frozenset({_O.IN_PROGRESS, _O.REJECTED}),
    _O.IN_PROGRESS: frozenset({_O.COMPLETED, _O.FAILED, _O.PENDING, _O.HELD}),
    _O.PENDING: frozenset({_O.IN_PROGRESS, _O.FAILED}),
    # The diagram has no edge from held to failed; the text lets a held item time out into it.
    _O.HELD: frozenset({_O.IN_PROGRESS, _O.FAILED}),
    _O.REJECTED: frozenset(),
    _O.COMPLETED: frozenset(),
    _O.FAILED: frozenset(),
}
ORDER_GRAPH: Graph[OrderState] = {
    **ITEM_GRAPH,
    _O.IN_PROGRESS: ITEM_GRAPH[_O.IN_PROGRESS] | {_O.PARTIAL},
    _O.PARTIAL: frozenset(),
}
SERVICE_GRAPH: Graph[ServiceState] = {
    _S.FEASIBILITY_CHECKED: frozenset({_S.DESIGNED, _S.RESERVED, _S.INACTIVE, _S.ACTIVE, _S.TERMINATED}),
    _S.DESIGNED: frozenset({_S.RESERVED, _S.INACTIVE, _S.ACTIVE, _S.TERMINATED}),
    _S.RESERVED: frozenset({_S.DESIGNED, _S.INACTIVE, _S.ACTIVE, _S.TERMINATED}),
    _S.INACTIVE: frozenset({_S.ACTIVE, _S.TERMINATED}),
    _S.ACTIVE: frozenset({_S.INACTIVE, _S.TERMINATED}),
    _S.TERMINATED: frozenset(),
}

FIRST_SERVICE_STATES = frozenset(_S) - {_S.TERMINATED}
"""What an `add` may ask for."""

ENDED = frozenset(state for state, following in ORDER_GRAPH.items() if not following)
"""The states in which an order or an item stays."""


class ForbiddenStep(Exception):
    """The graph has no such edge."""


def step(graph: Graph[S], here: S, there: S) -> S:
    """The state after the step. Raises ForbiddenStep when the graph has no edge for it."""
    if there not in graph.get(here, frozenset()):
        raise ForbiddenStep(f"no step leads from {here} to {there}")
    return there


def steps(here: OrderState, there: OrderState) -> tuple[OrderState, ...]:
    """The states of an item after `here` up to `there`: work that ends at once has been in progress too."""
    if here is there:
        return ()
    if here is _O.ACKNOWLEDGED and there not in ITEM_GRAPH[here]:
        return (step(ITEM_GRAPH, here, _O.IN_PROGRESS), step(ITEM_GRAPH, _O.IN_PROGRESS, there))
    return (step(ITEM_GRAPH, here, there),)


def aggregate(items: Collection[OrderState]) -> OrderState:
    """The state of an order whose items are in these states.

    One rejected item rejects the order. Where several items lift it, the one that somebody must look at counts:
    held before pending before in progress.
    """
    states = frozenset(items)
    for lifting in (_O.REJECTED, _O.HELD, _O.PENDING, _O.IN_PROGRESS):
        if lifting in states:
            return lifting
    if len(states) == 1:
        return next(iter(states))
    return _O.PARTIAL if states == {_O.COMPLETED, _O.FAILED} else _O.IN_PROGRESS


def service_state(before: ServiceState | None, *, working: bool, ordered: ServiceState | None) -> ServiceState:
    """Where a service stands that works or not, and was in state `before`; `ordered` is what its last order asked for.

    What never worked holds its UNIs, hence `reserved`; what worked once is `inactive` when it does not, because no
    edge leads back to `reserved`.
    """
    if working:
        return _S.ACTIVE
    if before in {_S.ACTIVE, _S.INACTIVE} or ordered is _S.INACTIVE:
        return _S.INACTIVE
    return _S.RESERVED
