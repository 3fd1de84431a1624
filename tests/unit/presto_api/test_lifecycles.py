"""Every edge of the three graphs is walked, and every pair of states that is no edge is refused."""

from __future__ import annotations

from enum import StrEnum
from itertools import product

import pytest

from presto_api.lifecycles import (
    ENDED,
    FIRST_SERVICE_STATES,
    ITEM_GRAPH,
    ORDER_GRAPH,
    SERVICE_GRAPH,
    ForbiddenStep,
    OrderState,
    ServiceState,
    aggregate,
    service_state,
    step,
    steps,
)

# Written out once more, as the standard's diagrams and tables have them.
ITEM_EDGES = """
acknowledged inProgress, acknowledged rejected, inProgress completed, inProgress failed, inProgress pending,
inProgress held, pending inProgress, pending failed, held inProgress, held failed
"""
ORDER_EDGES = ITEM_EDGES + ", inProgress partial"
SERVICE_EDGES = """
feasibilityChecked designed, reserved designed, feasibilityChecked reserved, designed reserved,
feasibilityChecked inactive, designed inactive, reserved inactive, active inactive,
feasibilityChecked active, designed active, reserved active, inactive active,
feasibilityChecked terminated, designed terminated, reserved terminated, inactive terminated, active terminated
"""


def edges(text: str) -> set[tuple[str, ...]]:
    return {tuple(pair.split()) for pair in text.replace("\n", " ").split(",")}


GRAPHS = [(ITEM_GRAPH, OrderState, ITEM_EDGES), (ORDER_GRAPH, OrderState, ORDER_EDGES)]
CASES = [
    (graph, here, there, (here.value, there.value) in edges(text))
    for graph, kind, text in [*GRAPHS, (SERVICE_GRAPH, ServiceState, SERVICE_EDGES)]
    for here, there in product(kind, kind)
]


@pytest.mark.parametrize(("graph", "here", "there", "allowed"), CASES)
def test_each_pair_of_states(
    graph: dict[StrEnum, frozenset[StrEnum]], here: StrEnum, there: StrEnum, allowed: bool
) -> None:
    if allowed:
        assert step(graph, here, there) is there
    else:
        with pytest.raises(ForbiddenStep, match=f"from {here} to {there}"):
            step(graph, here, there)


def test_the_cases_cover_all_edges() -> None:
    assert [sum(case[3] for case in CASES if case[0] is graph) for graph in (ITEM_GRAPH, ORDER_GRAPH)] == [10, 11]
    assert sum(case[3] for case in CASES if case[0] is SERVICE_GRAPH) == 17


def test_ends_and_beginnings() -> None:
    assert set(ENDED) == {"rejected", "completed", "failed", "partial"}
    assert set(FIRST_SERVICE_STATES) == set(ServiceState) - {"terminated"}


@pytest.mark.parametrize(
    ("here", "there", "walked"),
    [
        ("acknowledged", "completed", ["inProgress", "completed"]),
        ("acknowledged", "failed", ["inProgress", "failed"]),
        ("acknowledged", "rejected", ["rejected"]),
        ("inProgress", "completed", ["completed"]),
        ("completed", "completed", []),
    ],
)
def test_no_state_is_left_out_on_the_way(here: str, there: str, walked: list[str]) -> None:
    assert list(steps(OrderState(here), OrderState(there))) == walked


@pytest.mark.parametrize("end", ["completed", "failed", "rejected"])
def test_an_end_is_an_end(end: str) -> None:
    with pytest.raises(ForbiddenStep):
        steps(OrderState(end), OrderState.IN_PROGRESS)


@pytest.mark.parametrize(
    ("items", "order"),
    [
        ("acknowledged acknowledged", "acknowledged"),
        ("acknowledged inProgress", "inProgress"),
        ("acknowledged completed", "inProgress"),
        ("acknowledged failed", "inProgress"),
        ("inProgress completed failed", "inProgress"),
        ("pending inProgress completed", "pending"),
        ("held inProgress failed", "held"),
        ("held pending", "held"),
        ("rejected completed inProgress", "rejected"),
        ("completed completed", "completed"),
        ("failed failed", "failed"),
        ("completed failed", "partial"),
        ("completed", "completed"),
    ],
)
def test_items_decide_the_order(items: str, order: str) -> None:
    assert aggregate([OrderState(item) for item in items.split()]) == order


def expected(items: tuple[OrderState, ...]) -> OrderState:
    """The text of the standard once more, for items in any states."""
    for lifting in ("rejected", "held", "pending", "inProgress"):
        if lifting in items:
            return OrderState(lifting)
    if len(set(items)) == 1:
        return items[0]
    return OrderState("inProgress" if "acknowledged" in items else "partial")


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_items_in_any_states_decide_the_order(number: int) -> None:
    for items in product(ITEM_GRAPH, repeat=number):
        assert aggregate(items) is expected(items), items
        assert aggregate(items) is aggregate(items[::-1])


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_where_items_walk_by_edges_their_order_does(number: int) -> None:
    """In the states that this server uses: nothing waits for anybody here, and what is refused was never taken in."""
    used = [OrderState(name) for name in ("acknowledged", "inProgress", "completed", "failed")]
    for items in product(used, repeat=number):
        for place, here in enumerate(items):
            for there in ITEM_GRAPH[here] & set(used):
                before, after = aggregate(items), aggregate((*items[:place], there, *items[place + 1 :]))
                assert after is before or after in ORDER_GRAPH[before], (items, place, there)


def test_no_service_takes_a_forbidden_step_from_where_it_can_be() -> None:
    """Whatever was ordered and works: between the states that this server gives, and over any number of steps."""
    wishes = [None, ServiceState.ACTIVE, ServiceState.INACTIVE, ServiceState.RESERVED]
    reached: set[ServiceState] = set()
    todo: list[ServiceState | None] = [None]
    while todo:
        here = todo.pop()
        for working, wish in product((True, False), wishes):
            there = service_state(here, working=working, ordered=wish)
            assert here in {None, there} or there in SERVICE_GRAPH[here]
            if there not in reached:
                reached.add(there)
                todo.append(there)
    assert reached == {"reserved", "inactive", "active"}


@pytest.mark.parametrize(
    ("before", "working", "ordered", "after"),
    [
        (None, False, None, "reserved"),
        (None, False, "active", "reserved"),
        (None, False, "inactive", "inactive"),
        (None, False, "reserved", "reserved"),
        ("reserved", True, "active", "active"),
        ("reserved", False, "active", "reserved"),
        ("active", False, "active", "inactive"),
        ("active", False, "reserved", "inactive"),
        ("inactive", False, "active", "inactive"),
        ("inactive", True, "active", "active"),
        ("reserved", False, "inactive", "inactive"),
    ],
)
def test_services_never_take_a_forbidden_step(
    before: str | None, working: bool, ordered: str | None, after: str
) -> None:
    here = ServiceState(before) if before else None
    there = service_state(here, working=working, ordered=ServiceState(ordered) if ordered else None)
    assert there == after
    assert here in {None, there} or there in SERVICE_GRAPH[here]
