"""The payloads of W100: the six SD-WAN service types, found by the URN in `@type`, member by member as published.

Versions v0.0.1 and v0.0.3 have names of their own for the types; the members are those of v0.0.3, with `ucsList` of
v0.0.1. Spelling faults of the published files (`unamedRateLimiter`, `ucsIdentifier` of a UCS UNI) are on the wire.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from presto_api.wire import Wire

MAX_FLOWS = 1000
"""Application flows that a service may have here; the standard sets no limit."""

Identifier = Annotated[str, Field(min_length=1, max_length=53, pattern=r"^[\x20-\x7E]+$")]
Octet = Annotated[int, Field(ge=0, le=255)]
Port = Annotated[int, Field(ge=0, le=65535)]
Switch = Literal["DISABLED", "ENABLED"]


class Kind(StrEnum):
    """The service types of W100."""

    SWVC = "swvc"
    END_POINT = "swvc-end-point"
    UNI = "sd-wan-uni"
    UCS = "ucs"
    UCS_UNI = "ucs-uni"
    UCS_END_POINT = "ucs-end-point"


_OLDER = {
    Kind.SWVC: "swVc",
    Kind.END_POINT: "swVcEndPoint",
    Kind.UNI: "sdWanUni",
    Kind.UCS: "ucs",
    Kind.UCS_UNI: "ucsUni",
    Kind.UCS_END_POINT: "ucsEndPoint",
}
URNS = {kind: f"urn:mef:lso:spec:service:{kind}:v0.0.3:all" for kind in Kind}
OLDER_URNS = {kind: f"urn:mef:lso:spec:legato:{name}:v0.0.1:all" for kind, name in _OLDER.items()}
KINDS = {urn: kind for urns in (URNS, OLDER_URNS) for kind, urn in urns.items()}


def _ipv4(text: str) -> str:
    try:
        IPv4Address(text)
    except AddressValueError:
        raise ValueError("This is no IPv4 address: its four numbers alone stand here") from None
    return text


class Ipv4Prefix(Wire):
    """`Ipv4Prefix`; without a length it is one address."""

    ipv4_address: Annotated[str, AfterValidator(_ipv4)]
    prefix_length: Annotated[int, Field(ge=0, le=31)] | None = None


class Ipv6Prefix(Wire):
    """`Ipv6Prefix`."""

    ipv6_address: str
    prefix_length: Annotated[int, Field(ge=0, le=127)] | None = None


class Prefix(Wire):
    """`Ipv4OrIpv6Prefix`: one of the two."""

    ipv4_prefix: Ipv4Prefix | None = None
    ipv6_prefix: Ipv6Prefix | None = None

    @model_validator(mode="after")
    def _one(self) -> Prefix:
        if len(self.model_fields_set) != 1:
            raise ValueError("Give either ipv4Prefix or ipv6Prefix")
        return self


class TimeDuration(Wire):
    """`TimeDuration`."""

    time_duration_value: Annotated[int, Field(ge=0)] | None = None
    time_duration_units: str | None = None


class InformationRate(Wire):
    """`InformationRate`, decimal units."""

    ir_value: Annotated[float, Field(ge=0, strict=False, allow_inf_nan=False)]
    ir_units: Literal["BPS", "KBPS", "MBPS", "GBPS", "TBPS", "PBPS", "EBPS", "ZBPS", "YBPS"] = "BPS"

    @property
    def bits(self) -> float:
        """Bits per second."""
        units = ("BPS", "KBPS", "MBPS", "GBPS", "TBPS", "PBPS", "EBPS", "ZBPS", "YBPS")
        return self.ir_value * 1000.0 ** units.index(self.ir_units)


class RateLimiter(Wire):
    """`RateLimiter` and `UnnamedRateLimiter`."""

    name: str | None = None
    commit: InformationRate | None = None
    limit: InformationRate | None = None


class Bandwidth(Wire):
    """`BandwidthPolicyCriterion`: one of the two."""

    unamed_rate_limiter: RateLimiter | None = None
    rate_limiter: RateLimiter | None = None


class AppId(Wire):
    """`ApplicationIdentifier`: a match that the provider has defined."""

    application_identifier: str
    additional_arguments: list[str] | None = None
    application_match: list[str] | None = None


class FlowCriteria(Wire):
    """`ApplicationFlowCriteria`: what is given must hold all together (R43)."""

    sav4: list[Ipv4Prefix] | None = None
    dav4: list[Ipv4Prefix] | None = None
    sdav4: Annotated[list[Ipv4Prefix], Field(max_length=1)] | None = None
    protv4: list[Octet] | None = None
    sav6: list[Ipv6Prefix] | None = None
    dav6: list[Ipv6Prefix] | None = None
    sdav6: Annotated[list[Ipv6Prefix], Field(max_length=1)] | None = None
    next_head_v6: list[Octet] | None = Field(default=None, alias="nextHeadV6")
    dscp: list[Annotated[int, Field(ge=0, le=63)]] | None = None
    tcp_udp_source_port_list: list[Port] | None = None
    tcp_udp_destination_port_list: list[Port] | None = None
    tcp_udp_source_or_destination_port_list: list[Port] | None = None
    application_identifier: list[AppId] | None = None
    any: bool | None = None
    ethertype: Annotated[list[int], Field(max_length=1)] | None = None


class FlowGroup(Wire):
    """`ApplicationFlowSpecificationGroup`; its members are the flows that name it."""

    name: str
    application_flow_specification: list[dict[str, Any]] | None = None


class Flow(Wire):
    """`ApplicationFlowSpecification`."""

    application_flow_name: str
    application_flow_criteria: list[FlowCriteria] | None = None
    application_flow_group: FlowGroup | None = None


class ProviderCriterion(Wire):
    """`ServiceProviderDefinedPolicyCriterion`."""

    pol_name: Identifier
    criterion_value: str | None = None
    behavior: str | None = None
    policy_direction: Literal["INGRESS", "EGRESS"] | None = None


class PolicyCriteria(Wire):
    """`PolicyCriteria`; what the network honours is typed to the end, the rest is refused whatever it says."""

    encryption_type: Literal["REQUIRED_ALWAYS", "REQUIRED_PUBLIC_ONLY", "OPTIONAL"] | None = None
    internet_breakout: Switch | None = None
    internet_breakout_direction: Literal["INGRESS", "EGRESS"] | None = None
    public_private: Literal["PRIVATE_ONLY", "EITHER"] | None = None
    backup: Switch | None = None
    billing_method: Literal["FLAT_RATE_ONLY", "USAGE_BASED_ONLY", "EITHER"] | None = None
    virtual_topology: dict[str, Any] | None = None
    allowed_destination_zones: list[dict[str, Any]] | None = None
    business_importance: Identifier | None = None
    performance: dict[str, Any] | None = None
    bandwidth: Bandwidth | None = None
    af_security_ingress: dict[str, Any] | None = None
    af_security_egress: dict[str, Any] | None = None
    block_source: Literal["UNI", "INTERNET", "UNI_INTERNET", "EMPTY_LIST"] | None = None
    service_provider_defined_policy_criterion: list[ProviderCriterion] | None = None


class Policy(Wire):
    """`Policy`."""

    pol_name: Identifier
    pol_cl: list[PolicyCriteria] | None = None


class PolicyRef(Wire):
    """`Policy` where a policy map names one, and defines none."""

    pol_name: Identifier
    pol_cl: list[dict[str, Any]] | None = None


class FlowRef(Wire):
    """`ApplicationFlowSpecification` where a policy map names one, and defines none."""

    application_flow_name: str
    application_flow_criteria: list[dict[str, Any]] | None = None
    application_flow_group: dict[str, Any] | None = None


class PolicyMap(Wire):
    """`PolicyMap`: a flow or a group, and its policy."""

    application_flow: Annotated[list[FlowRef], Field(max_length=1)] | None = None
    application_flow_group: Annotated[list[FlowGroup], Field(max_length=1)] | None = None
    policy: PolicyRef


class RootedMultipoint(Wire):
    """`VtRootedMultipoint`."""

    root_list: Annotated[list[Identifier], Field(min_length=1)]
    leaf_list: Annotated[list[Identifier], Field(min_length=1)]


class TopologyEndPoints(Wire):
    """`VirtualTopologyEndPoint`: one of the two."""

    multipoint_to_multipoint: Annotated[list[Identifier], Field(min_length=2)] | None = None
    rooted_multipoint: RootedMultipoint | None = None

    @model_validator(mode="after")
    def _one(self) -> TopologyEndPoints:
        if len(self.model_fields_set) != 1:
            raise ValueError("Give either multipointToMultipoint or rootedMultipoint")
        return self


class VirtualTopology(Wire):
    """`VirtualTopology`."""

    vt_name: Identifier
    vt_type: Literal["MPT_TO_MPT", "ROOTED_MPT"] | None = None
    vt_ep: TopologyEndPoints


class Zone(Wire):
    """`Zone`."""

    zone_name: Identifier
    zone_prefixes: Annotated[list[Prefix], Field(min_length=1)] | None = None
    zone_ingress_policy: list[dict[str, Any]] | None = None


class Swvc(Wire):
    """`swVc.yaml`: the service itself."""

    type_: str = Field(alias="@type")
    sw_vc_identifier: Identifier
    ucs_list: Annotated[list[Identifier], Field(min_length=1)] | None = None
    reserved_prefixes: list[Prefix] | None = None
    zone_list: Annotated[list[Zone], Field(min_length=1)] | None = None
    virtual_topologies_list: Annotated[list[VirtualTopology], Field(min_length=1)] | None = None
    performance_time_intervals: dict[str, Any] | None = None
    performance_objectives_reporting_periods: dict[str, Any] | None = None
    rate_limiter_list: list[RateLimiter] | None = None
    security_function_policy_list: list[dict[str, Any]] | None = None
    application_flow_business_importance_levels_list: list[dict[str, Any]] | None = None
    policy_list: Annotated[list[Policy], Field(min_length=1, max_length=MAX_FLOWS)] | None = None
    application_flow_specification_group_list: Annotated[list[FlowGroup], Field(max_length=MAX_FLOWS)] | None = None
    application_flow_specification_list: Annotated[list[Flow], Field(min_length=1, max_length=MAX_FLOWS)] | None = None


class EndPoint(Wire):
    """`swVcEndPoint.yaml`: the attachment of an SWVC to a UNI."""

    type_: str = Field(alias="@type")
    sw_vc_end_point_identifier: Identifier
    policy_map: Annotated[list[PolicyMap], Field(max_length=2 * MAX_FLOWS)] | None = None
    network_address_translation: dict[str, Any] | None = None


class L2Interface(Wire):
    """`L2Interface`."""

    l2_interface_type: Literal["UT_PT", "CVLANX"] | None = None
    vlan_id: Annotated[list[int], Field(max_length=1)] | None = None


class PrimarySubnet(Wire):
    """`Ipv4PrimarySubnet`."""

    ipv4_prefix: Ipv4Prefix | None = None
    service_provider_ipv4_addresses: Annotated[list[str], Field(min_length=1)] | None = None
    reserved_prefixes: list[Ipv4Prefix] | None = None
    subscriber_ipv4_address: str | None = None


class Ipv4Addressing(Wire):
    """`UniIpv4ConnectionAddressing`."""

    ipv4_addressing_type: Literal["DHCP", "STATIC", "UNNUMBERED"] | None = None
    ipv4_primary_subnet: PrimarySubnet | None = None
    ipv4_secondary_subnet_list: list[dict[str, Any]] | None = None


class Uni(Wire):
    """`sdWanUni.yaml`: the boundary to the subscriber; `max_l2_frame_size` is in bytes."""

    type_: str = Field(alias="@type")
    uni_identifier: Identifier
    l2_interface: L2Interface | None = None
    max_l2_frame_size: Annotated[int, Field(ge=1522)] | None = None
    ipv4_connection_addressing: Ipv4Addressing | None = None
    ipv6_connection_addressing: dict[str, Any] | None = None
    routing_protocols: dict[str, Any] | None = None
    availability_objective: float | None = None
    mean_time_to_repair_objective: TimeDuration | None = None


class Ucs(Wire):
    """`ucs.yaml`: an underlay."""

    type_: str = Field(alias="@type")
    ucs_identifier: Identifier
    ucs_type: Literal["PRIVATE", "PUBLIC"] | None = None
    ucs_billing_method: Literal["FLAT_RATE", "USAGE_BASE", "OTHER"] | None = None


class UcsUni(Wire):
    """`ucsUni.yaml`: the access to an underlay."""

    type_: str = Field(alias="@type")
    ucs_identifier: Identifier


class UcsEndPoint(Wire):
    """`ucsEndPoint.yaml`."""

    type_: str = Field(alias="@type")
    identifier: Identifier
    end_point_backup: Switch | None = None
    end_point_breakout: Switch | None = None


Payload = Swvc | EndPoint | Uni | Ucs | UcsUni | UcsEndPoint
MODELS: dict[Kind, type[Payload]] = {
    Kind.SWVC: Swvc,
    Kind.END_POINT: EndPoint,
    Kind.UNI: Uni,
    Kind.UCS: Ucs,
    Kind.UCS_UNI: UcsUni,
    Kind.UCS_END_POINT: UcsEndPoint,
}
