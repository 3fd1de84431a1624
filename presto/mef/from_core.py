"""From the core model to the payloads: what the inventory shows of a service that another API ordered or changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orchestrator.inventory import Uni
from presto.domain.criteria import ICMP_TYPE, PROTOCOL_NAMES, prefix
from presto.domain.enrolled import Ucs, UcsEndPoint, UcsUni
from presto.domain.model import Application, Criterion, EndPoint, Policy, Swvc
from presto.mef.unis import MAX_L2_FRAME
from presto_api.mef.payload import URNS, Kind

TOPOLOGY = "default"
"""The name of the virtual topology of a service that was ordered without one."""

BILLING = {"flat-rate": "FLAT_RATE", "usage-based": "USAGE_BASE", "other": "OTHER"}
"""`UcsBillingMethod`."""

_POLICY_MEMBERS = {
    "ENCRYPTION": ("encryptionType", {"yes": "REQUIRED_ALWAYS", "either": "OPTIONAL"}),
    "INTERNET-BREAKOUT": ("internetBreakout", {"no": "DISABLED", "yes": "ENABLED"}),
    "PUBLIC-PRIVATE": ("publicPrivate", {}),
    "BACKUP": ("backup", {"yes": "ENABLED", "no": "DISABLED"}),
    "BILLING-METHOD": ("billingMethod", {}),
}
_PORTS = {
    "SPORT": "tcpUdpSourcePortList",
    "DPORT": "tcpUdpDestinationPortList",
    "SDPORT": "tcpUdpSourceOrDestinationPortList",
}


def swvc(found: Swvc) -> dict[str, Any]:
    """An SWVC as `swVc.yaml`."""
    groups = dict.fromkeys(one.group for one in found.applications if one.group)
    given = {
        "reservedPrefixes": [{"ipv4Prefix": _prefix(text)} for text in found.reserved_prefixes],
        "policyList": [policy(one) for one in found.policies],
        "applicationFlowSpecificationGroupList": [{"name": name} for name in groups],
        "applicationFlowSpecificationList": [flow(one) for one in found.applications],
    }
    return {
        "@type": URNS[Kind.SWVC],
        "swVcIdentifier": found.identifier,
        "virtualTopologiesList": [_topology(found)],
        **{member: values for member, values in given.items() if values},
    }


def end_point(found: Swvc, end: EndPoint) -> dict[str, Any]:
    """An end point as `swVcEndPoint.yaml`; its map is the service's with the overrides in it."""
    entries = []
    groups = {one.group for one in found.applications}
    for name, assigned in effective_map(found, end).items():
        of_group = name in groups and name not in {one.identifier for one in found.applications}
        what = {"applicationFlowGroup": [{"name": name}]} if of_group else None
        entries.append(
            {**(what or {"applicationFlow": [{"applicationFlowName": name}]}), "policy": {"polName": assigned}}
        )
    return {
        "@type": URNS[Kind.END_POINT],
        "swVcEndPointIdentifier": end.identifier,
        **({"policyMap": entries} if entries else {}),
    }


def effective_map(found: Swvc, end: EndPoint) -> dict[str, str]:
    """Flow or group → policy at an end point: an override replaces the service's mapping of the same name."""
    return {entry.application: entry.policy for entry in (*found.mappings, *end.overrides)}


def uni(found: Uni) -> dict[str, Any]:
    """A UNI as `sdWanUni.yaml`."""
    subnet = {"ipv4Address": str(found.prefix.network_address), "prefixLength": found.prefix.prefixlen}
    return {
        "@type": URNS[Kind.UNI],
        "uniIdentifier": found.name,
        "l2Interface": {"l2InterfaceType": "UT_PT"},
        "maxL2FrameSize": MAX_L2_FRAME,
        "ipv4ConnectionAddressing": {
            "ipv4AddressingType": "STATIC",
            "ipv4PrimarySubnet": {
                "ipv4Prefix": subnet,
                "serviceProviderIpv4Addresses": [str(found.provider_address)],
            },
        },
    }


def ucs(found: Ucs) -> dict[str, Any]:
    """An underlay as `ucs.yaml`."""
    return {
        "@type": URNS[Kind.UCS],
        "ucsIdentifier": found.name,
        "ucsType": found.underlay.type.upper(),
        "ucsBillingMethod": BILLING[found.underlay.billing],
    }


def ucs_uni(found: UcsUni) -> dict[str, Any]:
    """A WAN port as `ucsUni.yaml`, which calls its identifier so."""
    return {"@type": URNS[Kind.UCS_UNI], "ucsIdentifier": found.name}


def ucs_end_point(found: UcsEndPoint) -> dict[str, Any]:
    """The attachment of a WAN port as `ucsEndPoint.yaml`; no site has an Internet breakout."""
    return {
        "@type": URNS[Kind.UCS_END_POINT],
        "identifier": found.name,
        "endPointBackup": switch(found.wan.backup),
        "endPointBreakout": "DISABLED",
    }


def switch(on: bool) -> str:
    """`EnabledDisabled`."""
    return "ENABLED" if on else "DISABLED"


def _prefix(text: str) -> dict[str, Any]:
    network = prefix(text)
    length = {"prefixLength": network.prefixlen} if network.prefixlen < 32 else {}
    return {"ipv4Address": str(network.network_address), **length}


def _topology(found: Swvc) -> dict[str, Any]:
    names = {role: [end.identifier for end in found.end_points if end.role == role] for role in ("root", "leaf")}
    if names["root"]:
        ends = {"rootedMultipoint": {"rootList": names["root"], "leafList": names["leaf"]}}
        return {"vtName": TOPOLOGY, "vtType": "ROOTED_MPT", "vtEp": ends}
    everybody = [end.identifier for end in found.end_points]
    return {"vtName": TOPOLOGY, "vtType": "MPT_TO_MPT", "vtEp": {"multipointToMultipoint": everybody}}


def policy(found: Policy) -> dict[str, Any]:
    """A policy as `Policy`."""
    criteria = []
    for criterion in found.criteria:
        member, published = _POLICY_MEMBERS[criterion.name]
        value = criterion.parameters[0]
        criteria.append({member: published.get(value.casefold(), value.upper().replace("-", "_"))})
    return {"polName": found.identifier, "polCl": criteria}


def flow(found: Application) -> dict[str, Any]:
    """An application flow as `ApplicationFlowSpecification`."""
    criteria: dict[str, Any] = {}
    for criterion in found.criteria:
        criteria |= _criterion(criterion)
    group = {"applicationFlowGroup": {"name": found.group}} if found.group else {}
    return {"applicationFlowName": found.identifier, "applicationFlowCriteria": [criteria], **group}


def _criterion(found: Criterion) -> dict[str, Any]:
    values = found.parameters
    if found.name in _PORTS:
        return {_PORTS[found.name]: sorted(set(_ports(values)))}
    if found.name == "PROTV4":
        return {"protv4": [PROTOCOL_NAMES.get(text.casefold()) or int(text) for text in values]}
    if found.name == "ETHERTYPE":
        return {"ethertype": [int(text, 0) for text in values]}
    if found.name == ICMP_TYPE:
        return {"applicationIdentifier": [{"applicationIdentifier": ICMP_TYPE, "additionalArguments": list(values)}]}
    if found.name == "ANY":
        return {"any": True}
    return {found.name.lower(): [_prefix(text) for text in values]}


def _ports(texts: Iterable[str]) -> Iterable[int]:
    """The published lists have single ports only."""
    for text in texts:
        low, _, high = text.partition("-")
        yield from range(int(low), int(high or low) + 1)
