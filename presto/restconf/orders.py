"""From the published messages to the core model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

from common.findings import Finding, Tag, nearest
from orchestrator.inventory import Inventory
from presto.domain.model import (
    Application,
    Criterion,
    EndPoint,
    EndPointRole,
    Policy,
    PolicyAssignment,
    ServiceType,
    Swvc,
)
from presto.restconf.pairs import is_ours
from presto_api.restconf import messages, sdwan
from presto_api.restconf.messages import CreateInput, UpdateInput
from presto_api.restconf.tapi import AdministrativeState, ConnectivityConstraint

SERVICE_TYPES: dict[str, ServiceType] = {
    "POINT_TO_POINT_CONNECTIVITY": "point-to-point",
    "POINT_TO_MULTIPOINT_CONNECTIVITY": "point-to-multipoint",
    "MULTIPOINT_CONNECTIVITY": "multipoint",
    "ROOTED_MULTIPOINT_CONNECTIVITY": "rooted-multipoint",
}
ROLES: dict[str, EndPointRole] = {"SYMMETRIC": "symmetric", "ROOT": "root", "LEAF": "leaf"}
# What only TAPI knows of a service and of an end point, and gets back unchanged.
_SERVICE_ECHO = ("service_layer", "service_level", "connectivity_direction")
_SWVC_ECHO = ("fragmentation", "path_mtu_discovery")
_END_POINT_ECHO = ("name", "layer_protocol_name", "layer_protocol_qualifier", "direction", "protection_role")


def new_swvc(order: CreateInput) -> Swvc:
    """The SWVC that a create asks for; what the order leaves out is empty, or the default of the model."""
    end_points = tuple(map(_end_point, order.end_point or ()))
    swvc = Swvc(
        identifier="",
        service_type="point-to-point" if len(end_points) < 3 else "multipoint",
        end_points=end_points,
        locked=order.state == "LOCKED",
    )
    swvc = _with_constraint(swvc, order.connectivity_constraint)
    return _with_attributes(swvc, order.swvc_service_attributes)


def changed_swvc(order: UpdateInput) -> Callable[[Swvc], Swvc]:
    """The change that an update asks for: members that it gives replace the service's, whole; the rest stays."""

    def change(swvc: Swvc) -> Swvc:
        locked = order.state == "LOCKED" if order.state is not None else swvc.locked
        swvc = _with_constraint(replace(swvc, locked=locked), order.connectivity_constraint)
        swvc = _with_attributes(swvc, order.swvc_service_attributes)
        return _with_end_point(swvc, order.end_point) if order.end_point else swvc

    return change


def order_findings(order: CreateInput | UpdateInput, inventory: Inventory) -> list[Finding]:
    """What is wrong with an order and can be seen in the message only."""
    findings: list[Finding] = []
    if isinstance(order, CreateInput) and order.swvc_service_attributes is None:
        message, hint = "The order has no SWVC service attributes", "Give at least swvc-identifier."
        path = ("input", "swvc-service-attributes")
        findings.append(Finding(Tag.MISSING_ELEMENT, path, message, hint, "MEF 70 SWVC Identifier"))
    states = get_args(AdministrativeState)
    if order.state is not None and order.state not in states:
        message = f'"{order.state[:60]}" is no administrative state'
        hint = nearest(order.state, states, "States")
        findings.append(Finding(Tag.INVALID_VALUE, ("input", "state"), message, hint))
    if isinstance(order, CreateInput):
        for index, end_point in enumerate(order.end_point or ()):
            findings += _disagreement(end_point, index, inventory)
    elif order.end_point is not None:
        findings += _disagreement(order.end_point, None, inventory)
    return findings


def _disagreement(end_point: messages.EndPoint, index: int | None, inventory: Inventory) -> list[Finding]:
    reference, named = _reference(end_point), _named_uni(end_point)
    if not (reference and named and reference != named):
        return []
    uni = inventory.uni(reference)
    if uni is not None and uni is inventory.uni(named):
        return []
    place = ("input", "end-point") if index is None else ("input", "end-point", index)
    message = f'endpoint-uni "{named}" is not the service interface point "{reference}"'
    path = (*place, "swvc-endpoint-attributes", "endpoint-uni")
    return [Finding(Tag.INVALID_VALUE, path, message, "Name the same UNI in both, or give one of them.")]


def _reference(end_point: messages.EndPoint) -> str:
    reference = end_point.service_interface_point
    return (reference and reference.service_interface_point_uuid) or ""


def _named_uni(end_point: messages.EndPoint) -> str:
    attributes = end_point.swvc_endpoint_attributes
    return (attributes and attributes.endpoint_uni) or ""


def _echo(model: Any, names: tuple[str, ...]) -> dict[str, Any]:
    dumped: dict[str, Any] = model.model_dump(by_alias=True, exclude_unset=True, include=set(names))
    return dumped


def _end_point(wire: messages.EndPoint) -> EndPoint:
    attributes = wire.swvc_endpoint_attributes or sdwan.SwvcEndpointAttributes()
    overrides = attributes.policy_overrides.policy_override if attributes.policy_overrides else None
    echo = _echo(wire, _END_POINT_ECHO)
    if "name" in echo:  # pairs of ours are told anew each time
        echo["name"] = [pair for pair in echo["name"] if not is_ours(pair)]
    return EndPoint(
        identifier=attributes.endpoint_identifier or "",
        uni=_reference(wire) or _named_uni(wire),
        local_id=wire.local_id,
        role=ROLES.get(wire.role or "", "symmetric"),
        overrides=_assignments(overrides),
        tapi={**echo, **_echo(attributes, ("endpoint_uni",))},
    )


def _with_constraint(swvc: Swvc, constraint: ConnectivityConstraint | None) -> Swvc:
    if constraint is None:
        return swvc
    given = constraint.service_type
    service_type = SERVICE_TYPES[given] if given else swvc.service_type
    return replace(swvc, service_type=service_type, tapi={**swvc.tapi, **_echo(constraint, _SERVICE_ECHO)})


def _with_attributes(swvc: Swvc, given: sdwan.SwvcServiceAttributes | None) -> Swvc:
    if given is None:
        return swvc
    changes: dict[str, Any] = {"tapi": {**swvc.tapi, **_echo(given, _SWVC_ECHO)}}
    for member, value in (
        ("identifier", given.swvc_identifier),
        ("mtu", given.mtu),
        ("listed_end_points", given.endpoints and tuple(given.endpoints)),
        ("reserved_prefixes", given.reserved_prefixes and tuple(given.reserved_prefixes.prefix or ())),
        ("applications", given.applications and tuple(map(_application, given.applications.application or ()))),
        ("policies", given.policies and tuple(map(_policy, given.policies.policy or ()))),
        ("mappings", given.application_policy_mappings and _assignments(given.application_policy_mappings.mapping)),
    ):
        if value is not None and value != getattr(swvc, member):
            changes[member] = value
    return replace(swvc, **changes)


def _with_end_point(swvc: Swvc, wire: messages.EndPoint) -> Swvc:
    """Replace the end point that the message names by local id, identifier or UNI; add it when there is none such."""
    new = _end_point(wire)
    index = next((number for number, old in enumerate(swvc.end_points) if _same(old, new)), None)
    if index is None:
        return replace(swvc, end_points=(*swvc.end_points, new), listed_end_points=())
    old = swvc.end_points[index]
    given = wire.swvc_endpoint_attributes
    merged = replace(
        old,
        identifier=new.identifier or old.identifier,
        uni=new.uni or old.uni,
        local_id=new.local_id or old.local_id,
        role=new.role if wire.role else old.role,
        overrides=new.overrides if given and given.policy_overrides else old.overrides,
        tapi={**old.tapi, **new.tapi},
    )
    return replace(swvc, end_points=(*swvc.end_points[:index], merged, *swvc.end_points[index + 1 :]))


def _same(old: EndPoint, new: EndPoint) -> bool:
    if new.local_id:
        return old.local_id == new.local_id
    if new.identifier:
        return old.identifier == new.identifier
    return bool(new.uni) and old.uni == new.uni


def _criteria(wire: list[sdwan.Criteria] | None) -> tuple[Criterion, ...]:
    return tuple(Criterion(item.pc_name or "", tuple(item.pc_param or ())) for item in wire or ())


def _application(wire: sdwan.Application) -> Application:
    return Application(wire.app_id or "", wire.app_group, _criteria(wire.criteria))


def _policy(wire: sdwan.Policy) -> Policy:
    return Policy(wire.policy_id or "", _criteria(wire.criteria))


def _assignments(wire: list[sdwan.Mapping] | None) -> tuple[PolicyAssignment, ...]:
    return tuple(PolicyAssignment(item.app_id or "", item.policy_name or "") for item in wire or ())
