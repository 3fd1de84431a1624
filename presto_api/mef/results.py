"""What the ordering and inventory APIs answer with: the published types of orders, services, listeners and errors."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from presto_api.mef.envelope import (
    ItemRef,
    Note,
    Order,
    OrderItem,
    RelatedContact,
    RelatedPlace,
    ServiceRelationship,
    ServiceStateType,
    Subscription,
)
from presto_api.mef.problems import Code422
from presto_api.mef.wire import DateTime
from presto_api.wire import Wire

ItemStateType = Literal["acknowledged", "rejected", "pending", "held", "inProgress", "completed", "failed"]
OrderStateType = ItemStateType | Literal["partial"]


class TerminationError(Wire):
    """`TerminationError`: why an item failed."""

    code: Code422 | None = None
    property_path: str | None = None
    value: str | None = None


class ServiceOrderItem(OrderItem):
    """`ServiceOrderItem`: an item as it was sent, with its state."""

    state: ItemStateType
    termination_error: list[TerminationError] | None = None


class ServiceOrder(Order):
    """`ServiceOrder`: an order as it was sent, with where it stands."""

    id: str
    href: str | None = None
    state: OrderStateType
    order_date: DateTime
    start_date: DateTime | None = None
    completion_date: DateTime | None = None
    expected_completion_date: DateTime | None = None
    service_order_item: list[ServiceOrderItem]  # type: ignore[assignment]  # each is an OrderItem, and none is written


class Service(Wire):
    """`Service`: a UNI, an SWVC, an end point or an underlay of the inventory."""

    id: str
    state: ServiceStateType
    href: str | None = None
    description: str | None = None
    external_id: str | None = None
    service_date: DateTime | None = None
    start_date: DateTime | None = None
    end_date: DateTime | None = None
    start_mode: str | None = None
    service_type: str | None = None
    note: list[Note] | None = None
    place: list[RelatedPlace] | None = None
    related_contact_information: list[RelatedContact] | None = None
    service_configuration: dict[str, Any] | None = None
    service_order_item: list[ItemRef] | None = None
    service_relationship: list[ServiceRelationship] | None = None


class EventSubscription(Subscription):
    """`EventSubscription`: a listener."""

    id: str


class Error(Wire):
    """`Error`: what every error says."""

    reason: str = Field(max_length=255)
    message: str | None = None
    reference_error: str | None = None


class Error400(Error):
    """`Error400`."""

    code: Literal["missingQueryParameter", "missingQueryValue", "invalidQuery", "invalidBody"]


class Error401(Error):
    """`Error401`."""

    code: Literal["missingCredentials", "invalidCredentials"]


class Error403(Error):
    """`Error403`."""

    code: Literal["accessDenied", "forbiddenRequester", "tooManyUsers"]


class Error404(Error):
    """`Error404`: the code is `notFound`."""

    code: str


class Error422(Error):
    """`Error422`: one of the list that such an answer has."""

    code: Code422
    property_path: str | None = None


class Error500(Error):
    """`Error500`: the code is `internalError`."""

    code: str
