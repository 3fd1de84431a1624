"""The TAPI classes that connectivity services carry, by the names of the published definitions.

Enumeration values are the published ones, spelling included. All members are optional there, and so here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from presto_api import wire

Int32 = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]

AdministrativeState = Literal["LOCKED", "UNLOCKED"]
OperationalState = Literal["DISABLED", "ENABLED"]
LifecycleState = Literal["PLANNED", "POTENTIAL_AVAILABLE", "POTENTIAL_BUSY", "INSTALLED", "PENDING_REMOVAL"]
LayerProtocolName = Literal["ODU", "ETH", "DSR", "PHOTONIC_MEDIA"]
ForwardingDirection = Literal["BIDIRECTIONAL", "UNIDIRECTIONAL", "UNDEFINED_OR_UNKNOWN"]
PortDirection = Literal["BIDIRECTIONAL", "INPUT", "OUTPUT", "UNIDENTIFIED_OR_UNKNOWN"]
PortRole = Literal["SYMMETRIC", "ROOT", "LEAF", "TRUNK", "UNKNOWN"]
ProtectionRole = Literal["WORK", "PROTECT", "PROTECTED", "NA", "WORK_RESTORE", "PROTECT_RESTORE"]
ServiceType = Literal[
    "POINT_TO_POINT_CONNECTIVITY",
    "POINT_TO_MULTIPOINT_CONNECTIVITY",
    "MULTIPOINT_CONNECTIVITY",
    "ROOTED_MULTIPOINT_CONNECTIVITY",
]
CapacityUnit = Literal["TB", "TBPS", "GB", "GBPS", "MB", "MBPS", "KB", "KBPS", "GHz", "MHz"]
RestorationPolicy = Literal["PER_DOMAIN_RESTORATION", "END_TO_END_RESTORATION", "NA"]
ProtectionKind = Literal[
    "NO_PROTECTON",
    "ONE_PLUS_ONE_PROTECTION",
    "ONE_PLUS_ONE_PROTECTION_WITH_DYNAMIC_RESTORATION",
    "PERMANENT_ONE_PLUS_ONE_PROTECTION",
    "ONE_FOR_ONE_PROTECTION",
    "DYNAMIC_RESTORATION",
    "PRE_COMPUTED_RESTORATION",
]
RouteObjective = Literal[
    "MIN_WORK_ROUTE_HOP",
    "MIN_WORK_ROUTE_COST",
    "MIN_WORK_ROUTE_LATENCY",
    "MIN_SUM_OF_WORK_AND_PROTECTION_ROUTE_HOP",
    "MIN_SUM_OF_WORK_AND_PROTECTION_ROUTE_COST",
    "MIN_SUM_OF_WORK_AND_PROTECTION_ROUTE_LATENCY",
    "LOAD_BALANCE_MAX_UNUSED_CAPACITY",
]


def _published_name(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


class Wire(wire.Wire):
    """A published definition: the names of its members have hyphens."""

    model_config = ConfigDict(alias_generator=_published_name)


class NameAndValue(Wire):
    """`tapi.common.NameAndValue`."""

    value_name: str | None = None
    value: str | None = None


class GlobalClass(Wire):
    """`tapi.common.GlobalClass`: what has a UUID and names."""

    uuid: str | None = None
    name: list[NameAndValue] | None = None


class LocalClass(Wire):
    """`tapi.common.LocalClass`: what is identified inside its parent."""

    local_id: str | None = None
    name: list[NameAndValue] | None = None


class AdminStatePac(Wire):
    """`tapi.common.AdminStatePac`."""

    administrative_state: AdministrativeState | None = None
    operational_state: OperationalState | None = None
    lifecycle_state: LifecycleState | None = None


class CapacityValue(Wire):
    """`tapi.common.CapacityValue`."""

    value: Int32 | None = None
    unit: CapacityUnit | None = None


class BandwidthProfile(Wire):
    """`tapi.common.BandwidthProfile`."""

    bw_profile_type: Literal["MEF_10.x", "RFC_2697", "RFC_2698", "RFC_4115"] | None = None
    committed_information_rate: CapacityValue | None = None
    committed_burst_size: CapacityValue | None = None
    peak_information_rate: CapacityValue | None = None
    peak_burst_size: CapacityValue | None = None
    color_aware: bool = False
    coupling_flag: bool = False


class Capacity(Wire):
    """`tapi.common.Capacity`."""

    total_size: CapacityValue | None = None
    bandwidth_profile: BandwidthProfile | None = None


class CapacityPac(Wire):
    """`tapi.common.CapacityPac`."""

    total_potential_capacity: Capacity | None = None
    available_capacity: Capacity | None = None


class TimeRange(Wire):
    """`tapi.common.TimeRange`."""

    start_time: str | None = None
    end_time: str | None = None


class ServiceInterfacePointRef(Wire):
    """`tapi.common.ServiceInterfacePointRef`."""

    service_interface_point_uuid: str | None = None


class ConnectivityServiceRef(Wire):
    """`tapi.connectivity.ConnectivityServiceRef`."""

    connectivity_service_uuid: str | None = None


class ConnectionRef(Wire):
    """`tapi.connectivity.ConnectionRef`."""

    connection_uuid: str | None = None


class TopologyRef(Wire):
    """`tapi.topology.TopologyRef`."""

    topology_uuid: str | None = None


class NodeRef(TopologyRef):
    """`tapi.topology.NodeRef`."""

    node_uuid: str | None = None


class LinkRef(TopologyRef):
    """`tapi.topology.LinkRef`."""

    link_uuid: str | None = None


class NodeEdgePointRef(NodeRef):
    """`tapi.topology.NodeEdgePointRef`."""

    node_edge_point_uuid: str | None = None


class ConnectionEndPointRef(NodeEdgePointRef):
    """`tapi.connectivity.ConnectionEndPointRef`."""

    connection_end_point_uuid: str | None = None


class PathRef(Wire):
    """`tapi.path.computation.PathRef`."""

    path_uuid: str | None = None


class CostCharacteristic(Wire):
    """`tapi.topology.CostCharacteristic`."""

    cost_name: str | None = None
    cost_value: str | None = None
    cost_algorithm: str | None = None


class LatencyCharacteristic(Wire):
    """`tapi.topology.LatencyCharacteristic`, spelt as published."""

    traffic_property_name: str | None = None
    fixed_latency_characteristic: str | None = None
    queing_latency_characteristic: str | None = None
    jitter_characteristic: str | None = None
    wander_characteristic: str | None = None


class RiskCharacteristic(Wire):
    """`tapi.topology.RiskCharacteristic`."""

    risk_characteristic_name: str | None = None
    risk_identifier_list: list[str] | None = None


class ConnectivityConstraint(Wire):
    """`tapi.connectivity.ConnectivityConstraint`."""

    service_type: ServiceType | None = None
    service_layer: LayerProtocolName | None = None
    service_level: str | None = None
    connectivity_direction: ForwardingDirection | None = None
    requested_capacity: Capacity | None = None
    schedule: TimeRange | None = None
    coroute_inclusion: ConnectivityServiceRef | None = None
    diversity_exclusion: list[ConnectivityServiceRef] | None = None


class RoutingConstraint(Wire):
    """`tapi.path.computation.RoutingConstraint`."""

    is_exclusive: bool = True
    cost_characteristic: list[CostCharacteristic] | None = None
    latency_characteristic: list[LatencyCharacteristic] | None = None
    risk_diversity_characteristic: list[RiskCharacteristic] | None = None
    diversity_policy: Literal["SRLG", "SRNG", "SNG", "NODE", "LINK"] | None = None
    route_objective_function: RouteObjective | None = None
    route_direction: ForwardingDirection | None = None


class TopologyConstraint(Wire):
    """`tapi.path.computation.TopologyConstraint`."""

    include_topology: list[TopologyRef] | None = None
    avoid_topology: list[TopologyRef] | None = None
    include_node: list[NodeRef] | None = None
    exclude_node: list[NodeRef] | None = None
    include_link: list[LinkRef] | None = None
    exclude_link: list[LinkRef] | None = None
    include_path: list[PathRef] | None = None
    exclude_path: list[PathRef] | None = None
    preferred_transport_layer: list[LayerProtocolName] | None = None


class ResilienceType(Wire):
    """`tapi.topology.ResilienceType`."""

    restoration_policy: RestorationPolicy | None = None
    protection_type: ProtectionKind | None = None


class ResilienceConstraint(Wire):
    """`tapi.connectivity.ResilienceConstraint`, with its published defaults."""

    resilience_type: ResilienceType | None = None
    restoration_coordinate_type: Literal["NO_COORDINATE", "HOLD_OFF_TIME", "WAIT_FOR_NOTIFICATION"] | None = None
    restore_priority: Int32 | None = None
    reversion_mode: Literal["REVERTIVE", "NON-REVERTIVE"] | None = None
    wait_to_revert_time: Int32 = 15
    hold_off_time: Int32 | None = None
    is_lock_out: bool = False
    is_frozen: bool = False
    is_coordinated_switching_both_ends: bool = False
    max_switch_times: Int32 | None = None
    preferred_restoration_layer: list[LayerProtocolName] | None = None
