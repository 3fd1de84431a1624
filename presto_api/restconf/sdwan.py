"""The SD-WAN augmentations: on a service interface point, on a connectivity service, and on its end points."""

from __future__ import annotations

from typing import Literal

from presto_api.restconf.tapi import AdminStatePac, CapacityPac, GlobalClass, Int32, LayerProtocolName, Wire

Switchable = Literal["DISABLED", "ENABLED"]


class IpConfig(Wire):
    """`mef.sdwan.IpConfig`: a subnet of a UNI."""

    ip_prefix: str | None = None
    provider_addresses: list[str] | None = None
    reserved_ip_prefix: list[str] | None = None


class PrimarySubnet(IpConfig):
    """`mef.sdwan.sdwanuni.ipv4configuration.PrimarySubnet`."""

    subscriber_address: str | None = None


class Ipv4Configuration(Wire):
    """`mef.sdwan.sdwanuni.Ipv4Configuration`."""

    primary_subnet: PrimarySubnet | None = None
    secondary_subnet: list[IpConfig] | None = None


class Ipv6Configuration(Wire):
    """`mef.sdwan.sdwanuni.Ipv6Configuration`."""

    subnet: list[IpConfig] | None = None
    subscriber_address: str | None = None


class SdwanUni(Wire):
    """`mef.sdwan.SdwanUni`; `mtu` is in bytes."""

    edge_type: Literal["physical", "virtual"] | None = None
    l2_technology: Literal["802_11", "802_1ax", "p2p"] | None = None
    mtu: Int32 | None = None
    ipv4_configuration: Ipv4Configuration | None = None
    ipv6_configuration: Ipv6Configuration | None = None


class ServiceInterfacePoint(GlobalClass, AdminStatePac, CapacityPac):
    """`tapi.common.getserviceinterfacepointlist.output.Sip`: a UNI."""

    layer_protocol_name: LayerProtocolName | None = None
    supported_layer_protocol_qualifier: list[str] | None = None
    sdwan_uni: SdwanUni | None = None


class Criteria(Wire):
    """`mef.sdwan.connectivity.Criteria`: the name of a criterion and its parameters."""

    pc_name: str | None = None
    pc_param: list[str] | None = None


class Application(Wire):
    """`mef.sdwan.connectivity.Application`: an application flow."""

    app_id: str | None = None
    app_group: str | None = None
    criteria: list[Criteria] | None = None


class Applications(Wire):
    """`mef.sdwan.connectivity.Applications`, in order of precedence."""

    application: list[Application] | None = None


class Policy(Wire):
    """`mef.sdwan.connectivity.Policy`."""

    policy_id: str | None = None
    criteria: list[Criteria] | None = None


class Policies(Wire):
    """`mef.sdwan.connectivity.Policies`."""

    policy: list[Policy] | None = None


class Mapping(Wire):
    """`mef.sdwan.connectivity.Mapping`, and its twin `PolicyOverride`."""

    app_id: str | None = None
    policy_name: str | None = None


class ApplicationPolicyMappings(Wire):
    """`mef.sdwan.connectivity.ApplicationPolicyMappings`."""

    mapping: list[Mapping] | None = None


class PolicyOverrides(Wire):
    """`mef.sdwan.connectivity.PolicyOverrides`."""

    policy_override: list[Mapping] | None = None


class ReservedPrefixes(Wire):
    """`mef.sdwan.connectivity.ReservedPrefixes`."""

    prefix: list[str] | None = None


class OrderedPair(Wire):
    """`mef.sdwan.connectivity.OrderedPair`."""

    from_: str | None = None
    to: str | None = None


class OrderedPairs(Wire):
    """`mef.sdwan.connectivity.OrderedPairs`."""

    ordered_pair: list[OrderedPair] | None = None


class PerformanceGroup(Wire):
    """`mef.sdwan.connectivity.PerformanceGroup`."""

    pg_name: str | None = None
    ordered_pairs: OrderedPairs | None = None


class PerformanceGroups(Wire):
    """`mef.sdwan.connectivity.PerformanceGroups`."""

    performance_group: list[PerformanceGroup] | None = None


class CosPerformanceObjective(Wire):
    """`mef.sdwan.connectivity.CosPerformanceObjective`."""

    cos_name: str | None = None
    performance_groups: PerformanceGroups | None = None


class CosPerformanceObjectives(Wire):
    """`mef.sdwan.connectivity.CosPerformanceObjectives`."""

    cos_performance_objective: list[CosPerformanceObjective] | None = None


class PerformanceMonitoringSchedule(Wire):
    """`mef.sdwan.connectivity.PerformanceMonitoringSchedule`."""

    start_time: str | None = None
    duration: str | None = None


class SwvcServiceAttributes(Wire):
    """`mef.sdwan.connectivity.SwvcServiceAttributes`; `mtu` is in bytes."""

    swvc_identifier: str | None = None
    endpoints: list[str] | None = None
    mtu: Int32 | None = None
    fragmentation: Switchable | None = None
    path_mtu_discovery: Switchable | None = None
    reserved_prefixes: ReservedPrefixes | None = None
    applications: Applications | None = None
    policies: Policies | None = None
    application_policy_mappings: ApplicationPolicyMappings | None = None
    performance_groups: PerformanceGroups | None = None
    cos_performance_objectives: CosPerformanceObjectives | None = None
    performance_monitoring_schedule: PerformanceMonitoringSchedule | None = None


class SwvcEndpointAttributes(Wire):
    """`mef.sdwan.connectivity.SwvcEndpointAttributes`."""

    endpoint_identifier: str | None = None
    endpoint_uni: str | None = None
    policy_overrides: PolicyOverrides | None = None
