"""Which events a change of a service makes: pure functions from what was and what is now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from presto.persistence.events import EventType, NewEvent
from presto_api.lifecycles import OrderState, aggregate

_PAYLOAD = "serviceConfiguration"


def order_events(order: Row[Any], items: Sequence[Row[Any]], walks: Sequence[Sequence[OrderState]]) -> list[NewEvent]:
    """The events of an order whose items walk these steps, in the order in which the graph lets them happen."""
    heard: list[NewEvent] = []
    states = [OrderState(item.state) for item in items]
    whole = OrderState(order.state)
    for number in range(max(map(len, walks), default=0)):
        for place, item in enumerate(items):
            if number < len(walks[place]):
                states[place] = walks[place][number]
                kind = EventType.ITEM_STATE_CHANGE
                heard.append(NewEvent(kind, order.id, order.service, states[place], item.item))
        if (after := aggregate(states)) is not whole:
            whole = after
            heard.append(NewEvent(EventType.ORDER_STATE_CHANGE, order.id, order.service, whole))
    return heard


Parts = Mapping[str | None, Any]
"""What the inventory tells of each element of an SWVC: of the SWVC itself by None, of an end point by its name."""


def parts(swvc: Mapping[str, Any]) -> Parts:
    """The part of an SWVC's document that each of its elements is about."""
    own = {name: value for name, value in swvc.items() if name not in {"locked", "end_points", "mappings"}}
    ends = swvc["end_points"]
    told = {end["identifier"]: (end, swvc["mappings"]) for end in ends}
    return {None: (own, [(end["identifier"], end["role"]) for end in ends]), **told}


def element_events(
    element_id: str,
    before: Row[Any] | None,
    after: Mapping[str, Any],
    service: str,
    told: Mapping[int, Parts],
) -> list[NewEvent]:
    """The events of an element of the inventory that has these values now; `told` are the parts by the change."""
    state = str(after["state"])
    if before is None:
        return [NewEvent(EventType.SERVICE_CREATE, element_id, service, state)]
    heard = []
    if before.generation != after["generation"] and _changed(before, after, told):
        heard.append(NewEvent(EventType.ATTRIBUTE_VALUE_CHANGE, element_id, service))
    if before.state != state:
        heard.append(NewEvent(EventType.SERVICE_STATE_CHANGE, element_id, service, state))
    return heard


def _changed(before: Row[Any], after: Mapping[str, Any], told: Mapping[int, Parts]) -> bool:
    """True when the inventory tells something else of an element, beside its state."""
    names = (None, None) if before.kind == "swvc" else (before.identifier, after["identifier"])
    then, now = told[before.generation], told[after["generation"]]
    if then.get(names[0]) != now.get(names[1]):
        return True
    if _rest(before.requested) != _rest(after["requested"]):
        return True
    payloads = (before.requested.get(_PAYLOAD), after["requested"].get(_PAYLOAD))
    return None not in payloads and payloads[0] != payloads[1]


def _rest(requested: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in requested.items() if name not in {"state", _PAYLOAD}}
