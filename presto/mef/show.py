"""From what is stored to the published types: orders, services and listeners as the answers show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter

from presto.domain.enrolled import Resource, Ucs, UcsEndPoint, UcsUni, ucs_id
from presto.domain.model import Swvc
from presto.mef import from_core
from presto.mef.addresses import order_address, service_address
from presto.mef.relationships import OF_SWVC, OF_UCS, TO_UCS_UNI, TO_UNI, UCS_OF
from presto.notify.register import Listener
from presto.service.enrolled_orders import EnrolledState
from presto.service.orders import ElementRecord, ItemRecord, OrderRecord
from presto_api.lifecycles import OrderState
from presto_api.mef.payload import Kind

_SWVC = TypeAdapter(Swvc)
NOT_SHOWN = frozenset({"state", "name", "startDate", "endDate"})
"""Of what was ordered: how it stands is told instead, and the published inventory has no member for the name."""


def order(found: OrderRecord) -> dict[str, Any]:
    """`ServiceOrder`: what the client sent, unchanged (MEF 99.1 R13), with what the server adds (R14)."""
    items = found.document["serviceOrderItem"]
    shown = {
        **found.document,
        "id": found.id,
        "href": order_address(found.id),
        "state": found.state,
        "orderDate": instant(found.ordered),
        "serviceOrderItem": [_item(sent, at, n) for n, (sent, at) in enumerate(zip(items, found.items, strict=True))],
    }
    if found.started:
        shown["startDate"] = instant(found.started)
    if found.completed and found.state == OrderState.COMPLETED:
        shown["completionDate"] = instant(found.completed)
    return shown


def _item(sent: dict[str, Any], stands: ItemRecord, number: int) -> dict[str, Any]:
    service = {**sent["service"], **({"id": stands.element} if stands.element else {})}
    fault = {"code": "otherIssue", "propertyPath": f"/serviceOrderItem/{number}", "value": stands.fault}
    return {
        **sent,
        "service": service,
        "state": stands.state,
        **({"terminationError": [fault]} if stands.fault else {}),
    }


def element(found: ElementRecord) -> dict[str, Any]:
    """`Service`: an SWVC or an end point of one. Its payload is the ordered one, or told from the core model."""
    told = _told(found) if "serviceConfiguration" not in found.requested else {}
    requested = {name: value for name, value in found.requested.items() if name not in NOT_SHOWN}
    if found.kind == Kind.SWVC and "serviceConfiguration" in requested:
        requested["serviceConfiguration"] = _with_its_ends(requested["serviceConfiguration"], found.swvc)
    if found.kind == Kind.SWVC:
        carriers = found.swvc.get("underlays") or [name for name in (found.swvc.get("carrier"),) if name]
        related = [_related(UCS_OF, ucs_id(name)) for name in carriers]
    else:
        unis = [end["uni"] for end in found.swvc["end_points"] if end["identifier"] == found.identifier]
        related = [_related(OF_SWVC, found.service), *(_related(TO_UNI, uni) for uni in unis[:1])]
    dates = (("startDate", found.started), ("endDate", found.ended))
    return {
        "serviceConfiguration": told,
        **requested,
        "id": found.id,
        "href": service_address(found.id),
        "state": found.state,
        "serviceDate": instant(found.created),
        **{name: instant(moment) for name, moment in dates if moment},
        **({"serviceRelationship": related} if related else {}),
        **_items(found.orders),
    }


def _with_its_ends(configuration: dict[str, Any], swvc: dict[str, Any]) -> dict[str, Any]:
    """The ordered payload, with the end points that came or went by orders of their own; roots and leaves only go."""
    ends = [end["identifier"] for end in swvc["end_points"]]
    for topology in configuration.get("virtualTopologiesList", ()):
        rooted = topology["vtEp"].get("rootedMultipoint")
        given = rooted or topology["vtEp"]
        names = {kind: [name for name in listed if name in ends] for kind, listed in given.items()}
        if not rooted:
            names["multipointToMultipoint"] += [name for name in ends if name not in names["multipointToMultipoint"]]
        if names != given:
            there = {**topology, "vtEp": {"rootedMultipoint": names} if rooted else names}
            return {**configuration, "virtualTopologiesList": [there]}
    return configuration


def _told(found: ElementRecord) -> dict[str, Any]:
    """The payload of what was not ordered through this API, or changed through another."""
    swvc = _SWVC.validate_python(found.swvc)
    if found.kind == Kind.SWVC:
        return from_core.swvc(swvc)
    end = next((end for end in swvc.end_points if end.identifier == found.identifier), None)
    return from_core.end_point(swvc, end) if end else {}


def enrolled(found: EnrolledState, orders: Sequence[tuple[str, str]], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """`Service`: a UNI, an underlay or an end of one, enrolled with its uCPE; `attributes` are what orders add.

    Which SWVCs an underlay carries stands with the SWVCs: they may be many.
    """
    resource = found.resource
    related = []
    if isinstance(resource, UcsEndPoint):
        related = [_related(OF_UCS, resource.ucs), _related(TO_UCS_UNI, resource.ucs_uni)]
    return {
        **attributes,
        "id": resource.id,
        "href": service_address(resource.id),
        "state": found.state,
        "serviceConfiguration": {**_configuration(resource), **attributes.get("serviceConfiguration", {})},
        **({"endDate": instant(found.ended)} if found.ended else {}),
        **({"serviceRelationship": related} if related else {}),
        **_items(orders),
    }


def _configuration(resource: Resource) -> dict[str, Any]:
    if isinstance(resource, Ucs):
        return from_core.ucs(resource)
    if isinstance(resource, UcsUni):
        return from_core.ucs_uni(resource)
    return from_core.ucs_end_point(resource) if isinstance(resource, UcsEndPoint) else from_core.uni(resource)


def listener(found: Listener) -> dict[str, str]:
    """`EventSubscription`."""
    query = {"query": found.query} if found.query is not None else {}
    return {"id": found.id, "callback": found.callback, **query}


def instant(moment: datetime) -> str:
    """A moment as RFC 3339 writes it, in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _related(role: str, service: str) -> dict[str, Any]:
    return {"relationshipType": role, "service": {"id": service}}


def _items(orders: Sequence[tuple[str, str]]) -> dict[str, Any]:
    items = [{"serviceOrderId": order_id, "itemId": item} for order_id, item in orders]
    return {"serviceOrderItem": items} if items else {}
