"""Which events a change makes: pure functions from what was and what is now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from presto.core.events import EventType, NewEvent
from presto.core.lifecycles import OrderState, aggregate

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


def element_events(
    kind: str, element_id: str, before: Row[Any] | None, after: Mapping[str, Any], service: str
) -> list[NewEvent]:
    """The events of an element of the inventory that has these values now."""
    state = str(after["state"])
    if before is None:
        return [NewEvent(EventType.SERVICE_CREATE, element_id, service, state)]
    heard = []
    if before.generation != after["generation"] and _changed(kind, before, after):
        heard.append(NewEvent(EventType.ATTRIBUTE_VALUE_CHANGE, element_id, service))
    if before.state != state:
        heard.append(NewEvent(EventType.SERVICE_STATE_CHANGE, element_id, service, state))
    return heard


def _changed(kind: str, before: Row[Any], after: Mapping[str, Any]) -> bool:
    """True when the inventory tells something else of an element, beside its state."""
    if _told(kind, before.identifier, before.swvc) != _told(kind, after["identifier"], after["swvc"]):
        return True
    if _rest(before.asked) != _rest(after["asked"]):
        return True
    payloads = (before.asked.get(_PAYLOAD), after["asked"].get(_PAYLOAD))
    return None not in payloads and payloads[0] != payloads[1]


def _rest(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if name not in {"state", _PAYLOAD}}


def _told(kind: str, identifier: str, swvc: Mapping[str, Any]) -> Any:
    """The part of an SWVC's document that an element of it is about."""
    ends = swvc["end_points"]
    if kind != "swvc":
        return [end for end in ends if end["identifier"] == identifier], swvc["mappings"]
    own = {name: value for name, value in swvc.items() if name not in {"locked", "end_points", "mappings"}}
    return own, [(end["identifier"], end["role"]) for end in ends]
