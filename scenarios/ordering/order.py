"""The service of a scenario as the published Presto RPC wants it (``create-connectivity-service``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scenarios.file.format import Service

Criteria = Mapping[str, list[str | int] | str | int]


def create_input(service: Service, unis: Mapping[str, str]) -> dict[str, Any]:
    """Return the RPC's ``input`` object for *service*.

    *unis* maps each site's name to the uuid of its service interface point, as the API listed it.
    """
    return {
        "connectivity-constraint": {"service-type": _service_type(service), "service-layer": "ETH"},
        "end-point": [_end_point(point.site, unis[point.site], point.overrides) for point in service.endpoints],
        "swvc-service-attributes": {
            "swvc-identifier": service.name,
            "mtu": service.mtu,
            "endpoints": [point.site for point in service.endpoints],
            "applications": {
                "application": [{"app-id": app.id, "criteria": _criteria(app.criteria)} for app in service.applications]
            },
            "policies": {
                "policy": [
                    {"policy-id": policy.id, "criteria": _criteria(policy.criteria)} for policy in service.policies
                ]
            },
            "application-policy-mappings": {"mapping": _mappings(service.mappings)},
        },
    }


def _service_type(service: Service) -> str:
    return f"{'POINT_TO_POINT' if len(service.endpoints) == 2 else 'MULTIPOINT'}_CONNECTIVITY"


def _end_point(site: str, uni: str, overrides: Mapping[str, str]) -> dict[str, Any]:
    attributes: dict[str, Any] = {"endpoint-identifier": site, "endpoint-uni": uni}
    if overrides:
        attributes["policy-overrides"] = {"policy-override": _mappings(overrides)}
    return {
        "local-id": site,
        "service-interface-point": {"service-interface-point-uuid": uni},
        "swvc-endpoint-attributes": attributes,
    }


def _criteria(criteria: Criteria) -> list[dict[str, Any]]:
    return [
        {"pc-name": name, "pc-param": [str(item) for item in (value if isinstance(value, list) else [value])]}
        for name, value in criteria.items()
    ]


def _mappings(mappings: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"app-id": app, "policy-name": policy} for app, policy in mappings.items()]
