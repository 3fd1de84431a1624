"""Members that the published message can carry and this network cannot honour: refused, unless they ask for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from common.findings import Finding, Path, Tag
from presto_api.restconf.messages import CreateInput, EndPoint, UpdateInput

# Member → the values that hold for every service here; None: no value does.
Honoured = Mapping[str, tuple[str, ...] | None]

_CONNECTIVITY: Honoured = {
    "service-layer": ("ETH",),
    "connectivity-direction": ("BIDIRECTIONAL", "UNDEFINED_OR_UNKNOWN"),
    "requested-capacity": None,
    "schedule": None,
    "coroute-inclusion": None,
    "diversity-exclusion": None,
}
_CONSTRAINTS: Honoured = {"routing-constraint": None, "topology-constraint": None, "resilience-constraint": None}
_END_POINT: Honoured = {
    "layer-protocol-name": ("ETH",),
    "direction": ("BIDIRECTIONAL", "UNIDENTIFIED_OR_UNKNOWN"),
    "role": ("SYMMETRIC", "ROOT", "LEAF", "UNKNOWN"),
    "protection-role": ("WORK", "NA"),
    "administrative-state": ("UNLOCKED",),
    "operational-state": None,
    "lifecycle-state": None,
    "capacity": None,
    "connection-end-point": None,
}
_TOLD = ("operational-state", "lifecycle-state")
"""What is told of an end point and nobody orders: who sends back what was shown asks for nothing by it."""
_CHANGED_END_POINT: Honoured = {member: values for member, values in _END_POINT.items() if member not in _TOLD}
_SWVC: Honoured = {
    "fragmentation": ("ENABLED",),
    "path-mtu-discovery": ("ENABLED",),
    "performance-groups": None,
    "cos-performance-objectives": None,
    "performance-monitoring-schedule": None,
}


def check_honoured(order: CreateInput | UpdateInput) -> Iterator[Finding]:
    """One finding for each member that asks for something that the network does not do."""
    yield from refuse(order, _CONSTRAINTS, ("input",))
    if order.connectivity_constraint:
        yield from refuse(order.connectivity_constraint, _CONNECTIVITY, ("input", "connectivity-constraint"))
    if order.swvc_service_attributes:
        yield from refuse(order.swvc_service_attributes, _SWVC, ("input", "swvc-service-attributes"))
    if isinstance(order.end_point, EndPoint):
        yield from refuse(order.end_point, _CHANGED_END_POINT, ("input", "end-point"))
    for index, end_point in enumerate(order.end_point or [] if isinstance(order, CreateInput) else []):
        yield from refuse(end_point, _END_POINT, ("input", "end-point", index))


def refuse(model: BaseModel, honoured: Honoured, path: Path) -> Iterator[Finding]:
    """One finding for each member of a model whose value cannot be honoured."""
    # What equals a published default asks for nothing.
    given = model.model_dump(by_alias=True, exclude_defaults=True, exclude_none=True)
    for member, values in honoured.items():
        value = given.get(member)
        if _empty(value) or (values and value in values):
            continue
        hint = f"Write {' or '.join(values)}, or leave it out." if values else "Leave it out."
        message = f"{member} cannot be honoured with this value" if values else f"{member} cannot be honoured"
        yield Finding(Tag.INVALID_VALUE, (*path, member), message, hint)


def _empty(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_empty, value.values()))
    if isinstance(value, list):
        return all(map(_empty, value))
    return value is None
