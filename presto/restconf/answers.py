"""From the core model to the published messages.

What TAPI has no member for is told in pairs of `name`, as TAPI means them: `name`, `lso-state`, `lso-error`,
`lso-progress` of a service; `lso-error` of an end point; `name`, `lso-ucpe`, `lso-service` of a UNI.
"""

from __future__ import annotations

from typing import Any

from orchestrator.inventory import Inventory
from presto.domain.model import (
    ON_ITS_WAY_OUT,
    UNFINISHED,
    Criterion,
    EndPoint,
    EndPointState,
    PolicyAssignment,
    Service,
    Swvc,
)
from presto.restconf.orders import SERVICE_TYPES
from presto.restconf.overlays import connection_references
from presto.restconf.pairs import pairs
from presto.service.unis import UniState
from presto_api.restconf.messages import Service as WireService
from presto_api.restconf.sdwan import ServiceInterfacePoint

_TYPES = {ours: published for published, ours in SERVICE_TYPES.items()}
_SWVC_MEMBERS = ("fragmentation", "path-mtu-discovery")


def service(found: Service, stage: str | None, inventory: Inventory, missing: str | None = None) -> WireService:
    """A service as all operations show it; `stage` is what is being done for it right now.

    `missing` says which of its tunnels are not up yet.
    """
    swvc, echo = found.swvc, found.swvc.tapi
    return WireService.model_validate(
        {
            "uuid": found.id,
            "name": pairs(
                ("name", swvc.identifier),
                ("lso-state", found.state.value),
                ("lso-error", found.error),
                ("lso-progress", stage if found.state in UNFINISHED else None),
                ("lso-missing", missing),
            ),
            "administrative-state": "LOCKED" if swvc.locked else "UNLOCKED",
            **_states(found, found.installed),
            **({"operational-state": "DISABLED"} if missing else {}),
            "service-type": _TYPES[swvc.service_type],
            **{name: value for name, value in echo.items() if name not in _SWVC_MEMBERS},
            "end-point": [_end_point(found, end_point, inventory) for end_point in swvc.end_points],
            "connection": connection_references(found, inventory),
            "swvc-service-attributes": _attributes(swvc),
        }
    )


def service_interface_point(state: UniState) -> ServiceInterfacePoint:
    """A UNI as a service interface point."""
    uni = state.uni
    subnet = {"ip-prefix": str(uni.prefix), "provider-addresses": [str(uni.provider_address)]}
    return ServiceInterfacePoint.model_validate(
        {
            "uuid": uni.id,
            "name": pairs(("name", uni.name), ("lso-ucpe", uni.ucpe), ("lso-service", state.service)),
            "administrative-state": "LOCKED" if state.locked else "UNLOCKED",
            "operational-state": "DISABLED" if state.terminated else "ENABLED",
            "lifecycle-state": "PENDING_REMOVAL" if state.terminated else "INSTALLED",
            "layer-protocol-name": "ETH",
            "sdwan-uni": {
                "edge-type": "virtual",
                "l2-technology": "p2p",
                "mtu": uni.mtu,
                "ipv4-configuration": {"primary-subnet": subnet},
            },
        }
    )


def _states(found: Service, working: bool) -> dict[str, str]:
    if found.state in ON_ITS_WAY_OUT:
        return {"operational-state": "DISABLED", "lifecycle-state": "PENDING_REMOVAL"}
    return {
        "operational-state": "ENABLED" if working else "DISABLED",
        "lifecycle-state": "INSTALLED" if working else "PLANNED",
    }


def _end_point(found: Service, end_point: EndPoint, inventory: Inventory) -> dict[str, Any]:
    state = found.end_points.get(end_point.identifier, EndPointState(False))
    overrides = {"policy-override": _assignments(end_point.overrides)}
    echo = {name: value for name, value in end_point.tapi.items() if name != "endpoint-uni"}
    names = [*echo.pop("name", []), *pairs(("lso-error", state.error))]
    return {
        **({"local-id": end_point.local_id} if end_point.local_id else {}),
        **echo,
        "role": end_point.role.upper(),
        **({"name": names} if names else {}),
        "service-interface-point": {"service-interface-point-uuid": end_point.uni},
        **_states(found, state.working),
        "swvc-endpoint-attributes": {
            "endpoint-identifier": end_point.identifier,
            "endpoint-uni": _own_word(end_point, inventory),
            **({"policy-overrides": overrides} if end_point.overrides else {}),
        },
    }


def _own_word(end_point: EndPoint, inventory: Inventory) -> str:
    """The UNI in the client's own word, as long as that still means it: every API can move an end point."""
    word = str(end_point.tapi.get("endpoint-uni", ""))
    uni = inventory.uni(word)
    return word if uni and uni.id == end_point.uni else end_point.uni


def _attributes(swvc: Swvc) -> dict[str, Any]:
    applications = [
        {
            "app-id": flow.identifier,
            **({"app-group": flow.group} if flow.group is not None else {}),
            "criteria": _criteria(flow.criteria),
        }
        for flow in swvc.applications
    ]
    policies = [{"policy-id": policy.identifier, "criteria": _criteria(policy.criteria)} for policy in swvc.policies]
    prefixes = list(swvc.reserved_prefixes)
    return {
        "swvc-identifier": swvc.identifier,
        "endpoints": [end_point.identifier for end_point in swvc.end_points],
        "mtu": swvc.mtu,
        **{name: swvc.tapi[name] for name in _SWVC_MEMBERS if name in swvc.tapi},
        **({"reserved-prefixes": {"prefix": prefixes}} if prefixes else {}),
        "applications": {"application": applications},
        "policies": {"policy": policies},
        "application-policy-mappings": {"mapping": _assignments(swvc.mappings)},
    }


def _criteria(criteria: tuple[Criterion, ...]) -> list[dict[str, Any]]:
    return [
        {"pc-name": item.name, **({"pc-param": list(item.parameters)} if item.parameters else {})} for item in criteria
    ]


def _assignments(assignments: tuple[PolicyAssignment, ...]) -> list[dict[str, str]]:
    return [{"app-id": entry.application, "policy-name": entry.policy} for entry in assignments]
