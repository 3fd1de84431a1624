"""An order as it is sent: `ServiceOrder_Create` of the ordering file and what it is made of."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from presto_api.mef.wire import DateTime
from presto_api.wire import Wire

Action = Literal["add", "modify", "delete"]
ServiceStateType = Literal["feasibilityChecked", "designed", "reserved", "inactive", "active", "terminated"]
MAX_ITEMS = 4000
"""Of an order: as many as a body has room for when each says what it must."""

TwoLetters = Annotated[str, Field(min_length=2, max_length=2)]


class SubUnit(Wire):
    """`SubUnit`."""

    sub_unit_number: str
    sub_unit_type: str


class FieldedAddress(Wire):
    """`FieldedAddressRepresentation`."""

    street_nr: str | None = None
    street_nr_suffix: str | None = None
    street_nr_last: str | None = None
    street_nr_last_suffix: str | None = None
    street_pre_direction: str | None = None
    street_name: str | None = None
    street_type: str | None = None
    street_post_direction: str | None = None
    po_box: str | None = None
    locality: str | None = None
    city: str | None = None
    postcode: str | None = None
    postcode_extension: str | None = None
    state_or_province: str | None = None
    country_code: TwoLetters | None = None
    sub_unit: list[SubUnit] | None = None
    building_name: str | None = None
    private_street_number: str | None = None
    private_street_name: str | None = None
    language: TwoLetters | None = None


class Contact(Wire):
    """`ContactInformation`."""

    number: str
    email_address: str
    name: str
    postal_address: FieldedAddress | None = None
    organization: str | None = None
    number_extension: str | None = None


class RelatedContact(Contact):
    """`RelatedContactInformation`."""

    role: str


class Note(Wire):
    """`Note_BusSof`."""

    author: str
    date: DateTime
    id: str
    source: Literal["bus", "sof"]
    text: str


class FormattedAddress(Wire):
    """`FormattedAddressRepresentation`."""

    formatted_address: str
    language: TwoLetters | None = None


class GeographicPoint(Wire):
    """`GeographicPointRepresentation`."""

    spatial_ref: str
    latitude: str
    longitude: str
    elevation: str | None = None


class Label(Wire):
    """`LabelRepresentation`."""

    label: str
    administrative_authority: str
    language: TwoLetters | None = None


class AddressRef(Wire):
    """`GeographicAddressRef`."""

    type_: Literal["GeographicAddressRef"] = Field(alias="@type")
    id: str
    href: str | None = None


class SiteRef(Wire):
    """`GeographicSiteRef`."""

    type_: Literal["GeographicSiteRef"] = Field(alias="@type")
    id: str
    href: str | None = None


class AddressQuery(Wire):
    """`GeographicAddress_Query`: a type and at least one representation."""

    type_: Literal["GeographicAddress_Query"] = Field(alias="@type")
    fielded_address_representation: list[FieldedAddress] | None = None
    formatted_address_representation: list[FormattedAddress] | None = None
    geographic_point_representation: list[GeographicPoint] | None = None
    label_representation: list[Label] | None = None

    @model_validator(mode="after")
    def _some(self) -> AddressQuery:
        if len(self.model_fields_set) < 2:
            raise ValueError("Give at least one representation of the address")
        return self


class RelatedPlace(Wire):
    """`RelatedPlaceRefOrQuery`."""

    place: Annotated[AddressRef | SiteRef | AddressQuery, Field(discriminator="type_")]
    role: str
    contact: list[Contact] | None = None


class ServiceRef(Wire):
    """`ServiceRef`."""

    id: str
    href: str | None = None


class ServiceRelationship(Wire):
    """`ServiceRelationship`."""

    relationship_type: str
    service: ServiceRef


class ItemRef(Wire):
    """`ServiceOrderItemRef`."""

    item_id: str
    service_order_id: str | None = None
    service_order_href: str | None = None


class ItemRelationship(Wire):
    """`ServiceOrderItemRelationship`."""

    relationship_type: str
    order_item: ItemRef


class Duration(Wire):
    """`Duration`."""

    amount: Annotated[int, Field(ge=0)]
    units: Literal[
        "seconds", "minutes", "businessHours", "calendarHours", "businessDays", "calendarDays", "months", "years"
    ]


class CoordinatedAction(Wire):
    """What `OrderCoordinatedAction` and `OrderItemCoordinatedAction` share."""

    coordinated_action_delay: Duration
    coordination_dependency: Literal["startToStart", "startToFinish", "finishToStart", "finishToFinish"]


class OrderCoordinatedAction(CoordinatedAction):
    """`OrderCoordinatedAction`."""

    order_id: str


class ItemCoordinatedAction(CoordinatedAction):
    """`OrderItemCoordinatedAction`."""

    item_id: str


class OrderRef(Wire):
    """`ServiceOrderRef`."""

    id: str
    href: str | None = None


class OrderRelationship(Wire):
    """`ServiceOrderRelationship`."""

    relationship_type: str
    service_order: OrderRef


class ServiceValue(Wire):
    """`ServiceValue`; `service_configuration` is typed by its `@type`, see `presto_api.mef.payload`."""

    href: str | None = None
    id: str | None = None
    description: str | None = None
    external_id: str | None = None
    start_date: DateTime | None = None
    end_date: DateTime | None = None
    state: ServiceStateType | None = None
    note: list[Note] | None = None
    service_type: str | None = None
    name: str | None = None
    service_relationship: list[ServiceRelationship] | None = None
    related_contact_information: list[RelatedContact] | None = None
    place: list[RelatedPlace] | None = None
    service_configuration: dict[str, Any] | None = None
    service_order_item: list[ItemRef] | None = None


class OrderItem(Wire):
    """`ServiceOrderItem_Create`."""

    id: str
    action: Action
    service: ServiceValue
    coordinated_action: list[ItemCoordinatedAction] | None = None
    note: list[Note] | None = None
    related_contact_information: list[RelatedContact] | None = None
    service_order_item_relationship: list[ItemRelationship] | None = None


class Order(Wire):
    """`ServiceOrder_Create`."""

    requested_start_date: DateTime
    requested_completion_date: DateTime
    service_order_item: Annotated[list[OrderItem], Field(min_length=1, max_length=MAX_ITEMS)]
    coordinated_action: list[OrderCoordinatedAction] | None = None
    description: str | None = None
    external_id: str | None = None
    note: list[Note] | None = None
    order_relationship: list[OrderRelationship] | None = None
    related_contact_information: list[RelatedContact] | None = None


class Subscription(Wire):
    """`EventSubscriptionInput`."""

    callback: str
    query: str | None = None
