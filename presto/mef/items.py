"""The items of an order, one by one: what each action must and must not say, and the payload by its type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.findings import Path, nearest
from presto.domain.enrolled import kind_of
from presto.service.enrolled_orders import EnrolledState
from presto.service.orders import ElementRecord
from presto_api.lifecycles import FIRST_SERVICE_STATES, SERVICE_GRAPH, ServiceState
from presto_api.mef.envelope import Order, OrderItem, ServiceValue
from presto_api.mef.payload import KINDS, MODELS, Kind, Payload
from presto_api.mef.problems import Problem
from presto_api.mef.wire import moment, typed

HONOURED_STATES = (ServiceState.ACTIVE, ServiceState.INACTIVE, ServiceState.RESERVED)
"""What an order can ask for: carried, or kept off the network with its UNIs held."""

START_TOLERANCE = timedelta(minutes=5)
"""How far ahead of our clock a start may lie; orders start at once."""

_NO_WAIT = ("The start cannot wait: orders are carried out at once", "Order when it shall start.")

ENROLLED = frozenset({Kind.UNI, Kind.UCS, Kind.UCS_UNI, Kind.UCS_END_POINT})
"""What is there with the uCPEs; an `add` takes it out of their inventory."""


@dataclass(frozen=True)
class Item:
    """An item whose form is right; `payload` is None in a delete.

    In an add `element` and `enrolled` are None, in a modify or delete one of them is what it is about.
    """

    number: int
    wire: OrderItem
    kind: Kind
    payload: Payload | None
    element: ElementRecord | None
    enrolled: EnrolledState | None = None

    @property
    def path(self) -> Path:
        """Where it stands in the order."""
        return ("serviceOrderItem", self.number)

    @property
    def configuration(self) -> Path:
        """Where its payload stands in the order."""
        return (*self.path, "service", "serviceConfiguration")


@dataclass(frozen=True)
class Before:
    """The service that a modify or delete names, as it stands."""

    kind: Kind
    state: ServiceState


def check_order(order: Order, now: datetime) -> Iterator[Problem]:
    """What is wrong with an order as a whole."""
    start, completion = moment(order.requested_start_date), moment(order.requested_completion_date)
    if completion < start:
        text = "The requested completion lies before the requested start"
        yield Problem("invalidValue", ("requestedCompletionDate",), text, "Change one of them.")
    if start > now + START_TOLERANCE:
        yield Problem("invalidValue", ("requestedStartDate",), *_NO_WAIT)
    if order.coordinated_action:
        yield Problem("invalidValue", ("coordinatedAction",), "Orders do not wait for each other", "Leave it out.")
    seen: set[str] = set()
    for number, item in enumerate(order.service_order_item):
        if item.id in seen:
            path: Path = ("serviceOrderItem", number, "id")
            yield Problem("invalidValue", path, f'Item "{item.id[:60]}" stands twice', "Number the items.")
        seen.add(item.id)
        if item.coordinated_action:
            text = "The items of an order are carried out together"
            yield Problem("invalidValue", ("serviceOrderItem", number, "coordinatedAction"), text, "Leave it out.")
        yield from _check_dates(item.service, ("serviceOrderItem", number, "service"), now)


def _check_dates(service: ServiceValue, here: Path, now: datetime) -> Iterator[Problem]:
    """A service starts with its order and ends with another one. What was shown of its start may come back."""
    if service.start_date is not None and moment(service.start_date) > now + START_TOLERANCE:
        yield Problem("invalidValue", (*here, "startDate"), *_NO_WAIT)
    if service.end_date is not None:
        text, hint = "No service ends by itself", "Leave it out, and delete the service when it shall end."
        yield Problem("invalidValue", (*here, "endDate"), text, hint)


def check_items(
    order: Order, elements: Mapping[str, ElementRecord], enrolled: Mapping[str, EnrolledState]
) -> tuple[list[Item], list[Problem]]:
    """The items whose form is right, and what is wrong with the others; both mappings are services by their id."""
    items, problems = [], []
    for number, wire in enumerate(order.service_order_item):
        path: Path = ("serviceOrderItem", number)
        found = list(_check_members(wire, path))
        named = "" if wire.action == "add" else wire.service.id or ""
        element, known = elements.get(named), enrolled.get(named)
        before = Before(Kind(element.kind), ServiceState(element.state)) if element else None
        before = Before(Kind(kind_of(known.resource)), known.state) if known else before
        found += _check_service(wire, path, before)
        kind, payload, more = _payload(wire, path, before)
        problems += [*found, *more]
        if kind and not found and not more:
            items.append(Item(number, wire, kind, payload, element, known))
    return items, problems


def _check_members(wire: OrderItem, path: Path) -> Iterator[Problem]:
    service, here = wire.service, (*path, "service")
    if wire.action == "add" and service.id is not None:
        yield Problem("unexpectedProperty", (*here, "id"), "The server gives new services their id", "", "MEF 99.1 R24")
    if wire.action != "add" and not service.id:
        rule = "MEF 99.1 R25" if wire.action == "modify" else "MEF 99.1 R31"
        yield Problem("missingProperty", (*here, "id"), "The item names no service", "Give its id.", rule)
    if wire.action == "delete":
        if wire.service_order_item_relationship is not None:
            text, hint = "A delete has the service's id and nothing else", "Leave it out."
            yield Problem("unexpectedProperty", (*path, "serviceOrderItemRelationship"), text, hint, "MEF 99.1 R32")
        for name in sorted(service.model_fields_set - {"id"}):
            alias = str(type(service).model_fields[name].alias)
            text, hint = "A delete has the service's id and nothing else", "Leave it out."
            yield Problem("unexpectedProperty", (*here, alias), text, hint, "MEF 99.1 R32")
        return
    rule = "MEF 99.1 R20" if wire.action == "add" else "MEF 99.1 R29"
    for member, value in (("state", service.state), ("serviceConfiguration", service.service_configuration)):
        if value is None:
            yield Problem("missingProperty", (*here, member), f"{member} is missing", "Give it.", rule)


def _check_service(wire: OrderItem, path: Path, before: Before | None) -> Iterator[Problem]:
    """The service that a modify or delete names, and the state that it shall come to."""
    here: Path = (*path, "service")
    if wire.action != "add" and wire.service.id and before is None:
        text = f'There is no service "{wire.service.id[:60]}" that an order can change'
        yield Problem("referenceNotFound", (*here, "id"), text, "Look at the inventory.")
    if before and before.state is ServiceState.TERMINATED:
        hint = "Enrol it anew, under another name." if before.kind in ENROLLED else "Order it anew."
        yield Problem("invalidValue", (*here, "id"), "The service is terminated", hint)
    elif wire.service.state is not None and wire.action != "delete":
        yield from _check_state(ServiceState(wire.service.state), (*here, "state"), before.state if before else None)


def _check_state(wanted: ServiceState, here: Path, before: ServiceState | None) -> Iterator[Problem]:
    reachable = SERVICE_GRAPH[before] | {before} if before else FIRST_SERVICE_STATES
    if wanted is ServiceState.TERMINATED or wanted not in reachable:
        origin = f"A service that is {before}" if before else "A new service"
        yield Problem("invalidValue", here, f"{origin} cannot become {wanted} by this action")
    elif wanted not in HONOURED_STATES:
        hint = f"Order one of: {', '.join(HONOURED_STATES)}."
        yield Problem("invalidValue", here, f"State {wanted} cannot be ordered: what is checked is held", hint)


def _payload(wire: OrderItem, path: Path, before: Before | None) -> tuple[Kind | None, Payload | None, list[Problem]]:
    configuration, here = wire.service.service_configuration, (*path, "service", "serviceConfiguration")
    if wire.action == "delete" or configuration is None:
        return before.kind if before else None, None, []
    urn = configuration.get("@type")
    if urn is None:
        return None, None, [Problem("missingProperty", (*here, "@type"), "@type is missing", "", "W100 R7")]
    kind = KINDS.get(urn) if isinstance(urn, str) else None
    if kind is None:
        hint = nearest(str(urn), KINDS, "Types")
        return None, None, [Problem("invalidValue", (*here, "@type"), "This is no type of W100", hint, "W100 R4")]
    payload, problems = typed(MODELS[kind], configuration, here)
    if before and before.kind is not kind:
        problems = [*problems, Problem("invalidValue", (*here, "@type"), f"The service is of type {before.kind}")]
    return kind, payload, problems


def service_ids(order: Order) -> set[str]:
    """The ids of the services that an order names, in items and relationships."""
    named = {item.service.id for item in order.service_order_item if item.service.id}
    return named | set(_related(order.service_order_item))


def items_elsewhere(order: Order) -> set[tuple[str, str]]:
    """The items of other orders that an order names, as pairs of the order's id and the item's."""
    relationships = (item.service_order_item_relationship or () for item in order.service_order_item)
    named = (relationship.order_item for several in relationships for relationship in several)
    return {(other.service_order_id, other.item_id) for other in named if other.service_order_id is not None}


def _related(items: Iterable[OrderItem]) -> Iterator[str]:
    for item in items:
        for relationship in item.service.service_relationship or ():
            yield relationship.service.id
