"""The service of a scenario as items of a service order (MEF 99.1) with the SD-WAN payloads of MEF W100."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from scenarios.file.format import Service
from testbed.nodes.ucpe import LAN_PORT

SWVC_ITEM = "swvc"
UNI_SUFFIX = f"-{LAN_PORT}"
_TYPE = "urn:mef:lso:spec:service:{}:v0.0.3:all"

MAX_NUMBERS = 1 << 16  # ports

Value = list[str | int] | str | int


def add_items(service: Service) -> list[dict[str, Any]]:
    """Return the items that add the UNIs, the SWVC and its end points, in this order."""
    return [*map(_uni, _sites(service)), _swvc(service), *(_end_point(service, site) for site in _sites(service))]


def criterion_fault(list_name: str, name: str, value: Value) -> str:
    """Return why a criterion of ``applications`` or ``policies`` cannot be written in a payload, or nothing."""
    known = _FLOW if list_name == "applications" else _POLICY
    if name not in known:
        return f"{name} cannot be ordered through this face; it takes {', '.join(known)}"
    try:
        known[name](_values(value))
    except (ValueError, KeyError):
        return f"{value!r} cannot be ordered through this face as {name}"
    return ""


def _sites(service: Service) -> list[str]:
    return [point.site for point in service.endpoints]


def _uni(site: str) -> dict[str, Any]:
    place = {"role": "INSTALL_LOCATION", "place": {"@type": "GeographicSiteRef", "id": site}}
    configuration = {"@type": _TYPE.format("sd-wan-uni"), "uniIdentifier": f"{site}{UNI_SUFFIX}"}
    return _add(f"uni-{site}", {"place": [place], "serviceConfiguration": configuration})


def _swvc(service: Service) -> dict[str, Any]:
    topology = {"vtName": "everybody", "vtType": "MPT_TO_MPT", "vtEp": {"multipointToMultipoint": _sites(service)}}
    flows = [
        {"applicationFlowName": app.id, "applicationFlowCriteria": [dict(_written(_FLOW, app.criteria))]}
        for app in service.applications
    ]
    policies = [
        {"polName": policy.id, "polCl": [dict(_written(_POLICY, policy.criteria))]} for policy in service.policies
    ]
    configuration = {
        "@type": _TYPE.format("swvc"),
        "swVcIdentifier": service.name,
        "virtualTopologiesList": [topology],
        "policyList": policies,
        "applicationFlowSpecificationList": flows,
    }
    return _add(SWVC_ITEM, {"serviceConfiguration": configuration})


def _end_point(service: Service, site: str) -> dict[str, Any]:
    overrides = next(point.overrides for point in service.endpoints if point.site == site)
    policies = {**service.mappings, **overrides}
    entries = [
        {"applicationFlow": [{"applicationFlowName": app.id}], "policy": {"polName": policies[app.id]}}
        for app in service.applications
        if app.id in policies
    ]
    configuration = {"@type": _TYPE.format("swvc-end-point"), "swVcEndPointIdentifier": site, "policyMap": entries}
    related = {"ENDPOINT_OF_SWVC": SWVC_ITEM, "CONNECTS_TO_SDWAN_UNI": f"uni-{site}"}
    relationships = [{"relationshipType": role, "orderItem": {"itemId": item}} for role, item in related.items()]
    item = _add(f"end-point-{site}", {"serviceConfiguration": configuration})
    return {**item, "serviceOrderItemRelationship": relationships}


def _add(item: str, service: dict[str, Any]) -> dict[str, Any]:
    return {"id": item, "action": "add", "service": {"state": "active", **service}}


def _written(
    known: Mapping[str, Callable[[list[str]], Any]], criteria: Mapping[str, Value]
) -> Iterator[tuple[str, Any]]:
    for name, value in criteria.items():
        yield MEMBERS[name], known[name](_values(value))


def _values(value: Value) -> list[str]:
    return [str(item) for item in (value if isinstance(value, list) else [value])]


def _numbers(values: list[str]) -> list[int]:
    """Return single numbers; the payload has no ranges, so one is written out."""
    found: list[int] = []
    for value in values:
        first, dash, last = value.partition("-")
        low, high = _number(first), _number(last if dash else first)
        if not low <= high < low + MAX_NUMBERS:
            raise ValueError(f"{value} is no range of ports")
        found += range(low, high + 1)
    return found


def _number(text: str) -> int:
    """Return the number that *text* is in digits; Python's own reading takes ``1_000`` and ``+80`` as well."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text} is no number")
    return int(text)


def _prefixes(values: list[str]) -> list[dict[str, Any]]:
    """Return prefixes; the published length ends at 31, so one address has none."""
    pairs = (value.partition("/") for value in values)
    return [
        {"ipv4Address": address, **({"prefixLength": _number(length)} if slash and length != "32" else {})}
        for address, slash, length in pairs
    ]


def _one_of(values: Mapping[str, str]) -> Callable[[list[str]], str]:
    def write(given: list[str]) -> str:
        (value,) = given
        return values[value.casefold()]

    return write


MEMBERS = {
    "SAV4": "sav4",
    "DAV4": "dav4",
    "SDAV4": "sdav4",
    "PROTV4": "protv4",
    "SPORT": "tcpUdpSourcePortList",
    "DPORT": "tcpUdpDestinationPortList",
    "SDPORT": "tcpUdpSourceOrDestinationPortList",
    "ENCRYPTION": "encryptionType",
    "INTERNET-BREAKOUT": "internetBreakout",
}
_FLOW: Mapping[str, Callable[[list[str]], Any]] = {
    **dict.fromkeys(("SAV4", "DAV4", "SDAV4"), _prefixes),
    **dict.fromkeys(("PROTV4", "SPORT", "DPORT", "SDPORT"), _numbers),
}
_POLICY: Mapping[str, Callable[[list[str]], Any]] = {
    "ENCRYPTION": _one_of({"yes": "REQUIRED_ALWAYS", "either": "OPTIONAL"}),
    "INTERNET-BREAKOUT": _one_of({"no": "DISABLED", "yes": "ENABLED"}),
}
