"""Notifications: the events of both published files, where they are sent to, and how they are signed (RFC 9421)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from presto_api.lifecycles import OrderState, ServiceState
from presto_api.mef.wire import DateTime
from presto_api.wire import Wire

TAG = "presto-notification"
"""The `tag` of the signature: what it was made for."""

LABEL = "presto"
COVERED = ("@method", "@authority", "@path", "content-type", "content-digest")
MEDIA = "application/json;charset=utf-8"
Base = Literal["notification", "management"]
"""MEF 99.1's guide and its notification files say one path, the text in its management file another."""

_BASES: dict[tuple[Base, str], str] = {
    ("notification", "ordering"): "/mefApi/legato/serviceOrderingNotification/v6",
    ("notification", "inventory"): "/mefApi/legato/serviceInventoryNotification/v7",
    ("management", "ordering"): "/mefApi/legato/serviceOrderingManagement/v6",
    ("management", "inventory"): "/mefApi/legato/serviceInventory/v7",
}


def event_path(base: Base, event_type: str) -> str:
    """The path of an event below a callback."""
    api = "ordering" if event_type.startswith("serviceOrder") else "inventory"
    return f"{_BASES[base, api]}/listener/{event_type}"


_BY_VALUE = Field(strict=False)
"""Members of enumerations come as text."""


def _of_item(state: OrderState) -> OrderState:
    if state is OrderState.PARTIAL:
        raise ValueError("an item is never partial")
    return state


def _told(text: str | None) -> str:
    if text is None:
        raise ValueError("null is no value, leave the member out")
    return text


class _Wire(Wire):
    """What the files do not name is left aside: they allow it."""

    model_config = ConfigDict(extra="ignore")


class Subject(_Wire):
    """`ServiceOrderEventPayload`, `ServiceEventPayload`."""

    id: str
    href: Annotated[str | None, AfterValidator(_told)] = None


class OrderSubject(Subject):
    """`ServiceOrderStateChangeEventPayload`."""

    state: Annotated[OrderState, _BY_VALUE]


class ItemSubject(Subject):
    """`ServiceOrderItemStateChangeEventPayload`."""

    order_item_id: str
    state: Annotated[OrderState, _BY_VALUE, AfterValidator(_of_item)]


class ServiceSubject(Subject):
    """`ServiceStateChangeEventPayload`."""

    state: Annotated[ServiceState, _BY_VALUE]


class _Event(_Wire):
    event_id: str
    event_time: DateTime


class PlainEvent(_Event):
    """The events without a state."""

    event_type: Literal[
        "serviceOrderCreateEvent",
        "serviceOrderInformationRequiredEvent",
        "serviceCreateEvent",
        "serviceAttributeValueChangeEvent",
        "serviceDeleteEvent",
    ]
    event: Subject


class OrderStateChange(_Event):
    """`ServiceOrderStateChangeEvent`."""

    event_type: Literal["serviceOrderStateChangeEvent"]
    event: OrderSubject


class ItemStateChange(_Event):
    """`ServiceOrderItemStateChangeEvent`."""

    event_type: Literal["serviceOrderItemStateChangeEvent"]
    event: ItemSubject


class ServiceStateChange(_Event):
    """`ServiceStateChangeEvent`."""

    event_type: Literal["serviceStateChangeEvent"]
    event: ServiceSubject


Notification = PlainEvent | OrderStateChange | ItemStateChange | ServiceStateChange
