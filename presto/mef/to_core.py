"""From the payloads to the terms of the core model, with the place in the order that each part came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from common.findings import Path, nearest
from orchestrator.inventory import Inventory
from presto.domain.criteria import ICMP_TYPE
from presto.domain.model import Application, Criterion, EndPointRole, Policy, PolicyAssignment, ServiceType
from presto.domain.policies import CRITERIA, NOT_HONOURED
from presto_api.mef import payload
from presto_api.mef.problems import Problem, unsupported

Places = dict[Path, Path]

_VALUES = {
    "ENCRYPTION": ("encryption_type", "encryptionType"),
    "INTERNET-BREAKOUT": ("internet_breakout", "internetBreakout"),
    "PUBLIC-PRIVATE": ("public_private", "publicPrivate"),
    "BACKUP": ("backup", "backup"),
    "BILLING-METHOD": ("billing_method", "billingMethod"),
}
_REFUSED = {
    "VIRTUAL-TOPOLOGY": ("virtual_topology", "virtualTopology"),
    "ALLOWED-DESTINATION-ZONES": ("allowed_destination_zones", "allowedDestinationZones"),
    "BUSINESS-IMPORTANCE": ("business_importance", "businessImportance"),
    "PERFORMANCE": ("performance", "performance"),
    "BANDWIDTH": ("bandwidth", "bandwidth"),
    "AF-SECURITY-INGRESS": ("af_security_ingress", "afSecurityIngress"),
    "AF-SECURITY-EGRESS": ("af_security_egress", "afSecurityEgress"),
    "BLOCK-SOURCE": ("block_source", "blockSource"),
}
_NUMBERS = {
    "PROTV4": ("protv4", "protv4"),
    "NEXTHEADV6": ("next_head_v6", "nextHeadV6"),
    "DSCP": ("dscp", "dscp"),
    "SPORT": ("tcp_udp_source_port_list", "tcpUdpSourcePortList"),
    "DPORT": ("tcp_udp_destination_port_list", "tcpUdpDestinationPortList"),
    "SDPORT": ("tcp_udp_source_or_destination_port_list", "tcpUdpSourceOrDestinationPortList"),
    "ETHERTYPE": ("ethertype", "ethertype"),
}
_PREFIXES = {name: name.lower() for name in ("SAV4", "DAV4", "SDAV4", "SAV6", "DAV6", "SDAV6")}
_UNBUILT = {
    "performance_time_intervals": "performance is not measured",
    "performance_objectives_reporting_periods": "performance is not measured",
    "rate_limiter_list": "rates are not enforced",
    "security_function_policy_list": "security function policies are not built",
    "application_flow_business_importance_levels_list": "flows are not ranked",
}


@dataclass
class SwvcParts:
    """What an SWVC payload says, in the terms of the core; `roles` maps end point identifiers in a rooted topology.

    `memberless` are groups that no application flow is in.
    """

    identifier: str
    reserved: tuple[str, ...] = ()
    applications: tuple[Application, ...] = ()
    policies: tuple[Policy, ...] = ()
    service_type: ServiceType = "multipoint"
    roles: dict[str, EndPointRole] = field(default_factory=dict)
    listed: tuple[str, ...] = ()
    underlays: tuple[str, ...] = ()
    memberless: frozenset[str] = frozenset()
    places: Places = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def swvc_parts(given: payload.Swvc, here: Path, inventory: Inventory) -> SwvcParts:
    """Translate an SWVC payload that stands at `here`."""
    parts = SwvcParts(given.sw_vc_identifier)
    parts.places |= {("identifier",): (*here, "swVcIdentifier"), (): here}
    parts.problems += _older_members(given, here)
    for name, reason in _UNBUILT.items():
        alias = str(payload.Swvc.model_fields[name].alias)
        if getattr(given, name):
            parts.problems.append(unsupported((*here, alias), f"{alias} cannot be honoured: {reason}"))
    parts.problems += _limiters(given, here)
    unknown = list(_underlays(given, here, inventory))
    parts.problems += unknown
    parts.underlays = () if unknown else tuple(dict.fromkeys(given.ucs_list or ()))
    parts.places[("underlays",)] = (*here, "ucsList")
    parts.problems += _zones(given, here)
    parts.reserved = tuple(_reserved(given, here, parts))
    _topologies(given, here, parts)
    parts.policies = tuple(_policy(policy, index, here, parts) for index, policy in enumerate(given.policy_list or ()))
    _flows(given, here, parts)
    return parts


def policy_map(
    given: payload.EndPoint, here: Path, places: Places, memberless: frozenset[str]
) -> Iterator[PolicyAssignment | Problem]:
    """The entries of an end point's map, for its `overrides` in the core model; `memberless` groups have no flow."""
    if given.network_address_translation:
        reason = "networkAddressTranslation cannot be honoured: the sites have no Internet breakout"
        yield unsupported((*here, "networkAddressTranslation"), reason)
    number = 0
    for index, entry in enumerate(given.policy_map or ()):
        place = (*here, "policyMap", index)
        yield from _defined_again(entry, place)
        flows = [flow.application_flow_name for flow in entry.application_flow or ()]
        groups = [group.name for group in entry.application_flow_group or ()]
        if len(flows) + len(groups) != 1:
            text = "An entry of the policy map names one flow or one group"
            yield Problem("invalidValue", place, text, "Give applicationFlow or applicationFlowGroup.", "MEF 70 R52")
            continue
        member = ("applicationFlow", 0, "applicationFlowName") if flows else ("applicationFlowGroup", 0, "name")
        if groups and groups[0] in memberless:
            text = f'No flow is in group "{groups[0]}", so no packet would get its policy'
            yield Problem("invalidValue", (*place, *member), text, "Put a flow into it.", "MEF 70 R54")
            continue
        places[("overrides", number, "application")] = (*place, *member)
        places[("overrides", number, "policy")] = (*place, "policy", "polName")
        number += 1
        yield PolicyAssignment((flows or groups)[0], entry.policy.pol_name, "flow" if flows else "group")


def _defined_again(entry: payload.PolicyMap, here: Path) -> Iterator[Problem]:
    """What stands with the SWVC would be said twice: a map names it."""
    hint = "Define it in the SWVC, and give its name alone here."
    if entry.policy.pol_cl is not None:
        yield unsupported((*here, "policy", "polCl"), "A policy map defines no policies", hint)
    for index, flow in enumerate(entry.application_flow or ()):
        for member, value in (
            ("applicationFlowCriteria", flow.application_flow_criteria),
            ("applicationFlowGroup", flow.application_flow_group),
        ):
            if value is not None:
                place = (*here, "applicationFlow", index, member)
                yield unsupported(place, "A policy map defines no application flows", hint)
    for index, group in enumerate(entry.application_flow_group or ()):
        yield from _listed_members(group, (*here, "applicationFlowGroup", index))


def _listed_members(group: payload.FlowGroup, here: Path) -> Iterator[Problem]:
    if group.application_flow_specification is not None:
        text, hint = "A group does not list its members", "Name the group in each flow, as its applicationFlowGroup."
        yield unsupported((*here, "applicationFlowSpecification"), text, hint)


def _older_members(given: payload.Swvc, here: Path) -> Iterator[Problem]:
    """v0.0.1 lists members that must be there; v0.0.3 has no such list."""
    if not given.type_.endswith(":v0.0.1:all"):
        return
    for name in (
        "ucs_list",
        "zone_list",
        "virtual_topologies_list",
        "policy_list",
        "application_flow_specification_list",
    ):
        if getattr(given, name) is None:
            alias = str(payload.Swvc.model_fields[name].alias)
            yield Problem("missingProperty", (*here, alias), f"{alias} is missing", "v0.0.1 requires it.", "W100 R7")


def _limiters(given: payload.Swvc, here: Path) -> Iterator[Problem]:
    named = [
        ((*here, "rateLimiterList", index), limiter) for index, limiter in enumerate(given.rate_limiter_list or ())
    ]
    for number, policy in enumerate(given.policy_list or ()):
        for index, criteria in enumerate(policy.pol_cl or ()):
            place = (*here, "policyList", number, "polCl", index, "bandwidth")
            if criteria.bandwidth and criteria.bandwidth.unamed_rate_limiter:
                named.append(((*place, "unamedRateLimiter"), criteria.bandwidth.unamed_rate_limiter))
            if criteria.bandwidth and criteria.bandwidth.rate_limiter:
                named.append(((*place, "rateLimiter"), criteria.bandwidth.rate_limiter))
    for place, limiter in named:
        if limiter.commit and limiter.limit and limiter.limit.bits < limiter.commit.bits:
            text = "The limit is below the committed rate"
            yield Problem("invalidValue", (*place, "limit"), text, "Raise the limit or lower commit.", "MEF 70 R34")


def _underlays(given: payload.Swvc, here: Path, inventory: Inventory) -> Iterator[Problem]:
    known = inventory.underlay_names
    for index, name in enumerate(given.ucs_list or ()):
        if name not in known:
            text, hint = f'There is no underlay "{name}"', nearest(name, sorted(known), "Underlays")
            yield Problem("referenceNotFound", (*here, "ucsList", index), text, hint, "W100 R4")


def _zones(given: payload.Swvc, here: Path) -> Iterator[Problem]:
    for index, zone in enumerate(given.zone_list or ()):
        place = (*here, "zoneList", index)
        if zone.zone_name.upper() in {"SELF", "INTERNET", "ALL"}:
            text = f"Zone name {zone.zone_name} is reserved"
            yield unsupported((*place, "zoneName"), text, "Choose another name.")
        if zone.zone_prefixes or zone.zone_ingress_policy or index:
            yield unsupported(place, "A service has one zone, with every prefix and no policies of its own")


def _reserved(given: payload.Swvc, here: Path, parts: SwvcParts) -> Iterator[str]:
    index = 0
    for number, prefix in enumerate(given.reserved_prefixes or ()):
        place = (*here, "reservedPrefixes", number)
        if prefix.ipv4_prefix is None:
            parts.problems.append(unsupported(place, "The sites carry IPv4 only"))
        else:
            parts.places[("reserved_prefixes", index)] = place
            index += 1
            yield _prefix_text(prefix.ipv4_prefix)


def _prefix_text(given: payload.Ipv4Prefix) -> str:
    return given.ipv4_address if given.prefix_length is None else f"{given.ipv4_address}/{given.prefix_length}"


def _topologies(given: payload.Swvc, here: Path, parts: SwvcParts) -> None:
    """One topology is the service's; names and types must fit."""
    for index, topology in enumerate(given.virtual_topologies_list or ()):
        place = (*here, "virtualTopologiesList", index)
        if topology.vt_name.casefold() == "swvc":
            text = f"Topology name {topology.vt_name} is reserved"
            parts.problems.append(unsupported((*place, "vtName"), text, "Choose another name."))
        if index:
            parts.problems.append(unsupported(place, "A service has one virtual topology"))
            continue
        ends = topology.vt_ep
        rooted = ends.rooted_multipoint
        if topology.vt_type not in {None, "ROOTED_MPT" if rooted else "MPT_TO_MPT"}:
            text = f"The end points do not fit vtType {topology.vt_type}"
            parts.problems.append(Problem("invalidValue", (*place, "vtType"), text, "Change one.", "W100 R4"))
        parts.places |= {("listed_end_points",): (*place, "vtEp"), ("service_type",): (*place, "vtType")}
        ids = [*rooted.root_list, *rooted.leaf_list] if rooted else (ends.multipoint_to_multipoint or [])
        for name in sorted(name for name, number in Counter(ids).items() if number > 1):
            text = f"End point {name} stands twice in the topology"
            parts.problems.append(Problem("invalidValue", (*place, "vtEp"), text, "Name each once.", "W100 R4"))
        if rooted:
            parts.service_type = "rooted-multipoint"
            parts.roles = {**dict.fromkeys(rooted.leaf_list, "leaf"), **dict.fromkeys(rooted.root_list, "root")}
        parts.listed = tuple(dict.fromkeys(ids))


def _policy(given: payload.Policy, number: int, here: Path, parts: SwvcParts) -> Policy:
    place = (*here, "policyList", number)
    at: Path = ("policies", number)
    parts.places |= {(*at, "identifier"): (*place, "polName"), (*at, "criteria"): (*place, "polCl"), at: place}
    criteria: list[Criterion] = []
    for index, entry in enumerate(given.pol_cl or ()):
        for name, (attribute, member) in {**_VALUES, **_REFUSED}.items():
            value = getattr(entry, attribute)
            if value is not None:
                parts.places[(*at, "criteria", len(criteria))] = (*place, "polCl", index, member)
                criteria.append(Criterion(name, (value,) if name in _VALUES else ()))
        parts.problems += _provider_criteria(entry, (*place, "polCl", index))
    return Policy(given.pol_name, tuple(criteria))


def _provider_criteria(entry: payload.PolicyCriteria, here: Path) -> Iterator[Problem]:
    if entry.internet_breakout_direction:
        text = "internetBreakoutDirection cannot be honoured: the sites have no Internet breakout"
        yield unsupported((*here, "internetBreakoutDirection"), text)
    for index, criterion in enumerate(entry.service_provider_defined_policy_criterion or ()):
        place = (*here, "serviceProviderDefinedPolicyCriterion", index)
        if criterion.pol_name in {*CRITERIA, *NOT_HONOURED}:
            text = f"{criterion.pol_name} is the name of a standard criterion"
            yield Problem("invalidValue", (*place, "polName"), text, "Choose another name.", "MEF 70 R19")
        elif not criterion.behavior:
            text = f"The behaviour of criterion {criterion.pol_name} is not described"
            yield Problem("missingProperty", (*place, "behavior"), text, "Describe it.", "MEF 70 R20")
        else:
            yield unsupported(place, f"This provider defines no policy criterion {criterion.pol_name}")


def _flows(given: payload.Swvc, here: Path, parts: SwvcParts) -> None:
    groups = [group.name for group in given.application_flow_specification_group_list or ()]
    flows = given.application_flow_specification_list or ()
    names = [flow.application_flow_name for flow in flows]
    if not flows:
        place, text = (
            (*here, "applicationFlowSpecificationList"),
            "Without an application flow every packet is discarded",
        )
        hint = 'Give a flow; {"any": true} matches every packet.'
        parts.problems.append(Problem("missingProperty", place, text, hint, "W100 R7; MEF 70 R45"))
    list_place = (*here, "applicationFlowSpecificationGroupList")
    parts.problems += _groups(groups, names, list_place)
    for index, listed in enumerate(given.application_flow_specification_group_list or ()):
        parts.problems += _listed_members(listed, (*list_place, index))
    applications = []
    for number, flow in enumerate(flows):
        place = (*here, "applicationFlowSpecificationList", number)
        at: Path = ("applications", number)
        group = flow.application_flow_group.name if flow.application_flow_group else None
        if flow.application_flow_group:
            parts.problems += _listed_members(flow.application_flow_group, (*place, "applicationFlowGroup"))
        group_place = (*place, "applicationFlowGroup", "name")
        parts.places |= {
            at: place,
            (*at, "identifier"): (*place, "applicationFlowName"),
            (*at, "group"): group_place,
            (*at, "criteria"): (*place, "applicationFlowCriteria"),
        }
        if group is not None and group not in groups and group.casefold() != "none":
            text, hint = f'There is no application flow group "{group}"', nearest(group, groups, "Groups")
            parts.problems.append(Problem("referenceNotFound", group_place, text, hint))
        criteria = tuple(_criteria(flow, place, at, parts))
        applications.append(Application(flow.application_flow_name, group, criteria))
    parts.applications = tuple(applications)
    parts.memberless = frozenset(groups) - {flow.group for flow in applications}


def _groups(groups: list[str], flows: list[str], here: Path) -> Iterator[Problem]:
    for index, name in enumerate(groups):
        place, printable = (*here, index, "name"), all(" " <= letter <= "~" for letter in name)
        if not (1 <= len(name) <= 53 and printable):
            hint = "Use 1 to 53 printable ASCII characters."
            yield Problem("invalidFormat", place, "This is no application flow group name", hint, "MEF 70 R38")
        if name in groups[:index]:
            yield Problem("invalidValue", place, f'Group "{name}" stands twice', "Rename one.", "MEF 70 R39")
        if name.casefold() == "none":
            yield Problem("invalidValue", place, f'Group name "{name}" is reserved', "Rename it.", "MEF 70 R40")
        if name in flows:
            text = f'Group "{name}" has the name of an application flow'
            yield Problem("invalidValue", place, text, "Rename one of them.", "MEF 70 R42")


def _criteria(flow: payload.Flow, place: Path, at: Path, parts: SwvcParts) -> Iterator[Criterion]:
    number = 0
    for index, entry in enumerate(flow.application_flow_criteria or ()):
        here = (*place, "applicationFlowCriteria", index)
        for name, member, values in _named_values(entry):
            parts.places[(*at, "criteria", number)] = (*here, member)
            for position in range(len(values)):
                parts.places[(*at, "criteria", number, "parameters", position)] = (*here, member, position)
            number += 1
            yield Criterion(name, values)


def _named_values(entry: payload.FlowCriteria) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for name, attribute in _PREFIXES.items():
        if (prefixes := getattr(entry, attribute)) is not None:
            version6 = name.endswith("6")
            texts = (prefix.ipv6_address if version6 else _prefix_text(prefix) for prefix in prefixes)
            yield name, attribute, tuple(texts)
    for name, (attribute, member) in _NUMBERS.items():
        if (numbers := getattr(entry, attribute)) is not None:
            yield name, member, tuple(hex(n) if name == "ETHERTYPE" else str(n) for n in numbers)
    for match in entry.application_identifier or ():
        ours = match.application_identifier == ICMP_TYPE
        yield (ICMP_TYPE if ours else "APPID"), "applicationIdentifier", tuple(match.additional_arguments or ())
    if entry.any:
        yield "ANY", "any", ()
