"""The TAPI classes of topologies and connections, by the names of the published definitions."""

from __future__ import annotations

from typing import Literal

from presto_api.restconf.tapi import (
    AdminStatePac,
    CapacityPac,
    ConnectionEndPointRef,
    ConnectionRef,
    CostCharacteristic,
    ForwardingDirection,
    GlobalClass,
    Int32,
    LatencyCharacteristic,
    LayerProtocolName,
    LifecycleState,
    LinkRef,
    LocalClass,
    NodeEdgePointRef,
    NodeRef,
    OperationalState,
    PortDirection,
    PortRole,
    ResilienceConstraint,
    ResilienceType,
    RiskCharacteristic,
    ServiceInterfacePointRef,
    TopologyRef,
    Wire,
)


class TransferTimingPac(Wire):
    """`tapi.topology.TransferTimingPac`."""

    latency_characteristic: list[LatencyCharacteristic] | None = None


class TransferCostPac(Wire):
    """`tapi.topology.TransferCostPac`."""

    cost_characteristic: list[CostCharacteristic] | None = None


class TransferIntegrityPac(Wire):
    """`tapi.topology.TransferIntegrityPac`."""

    error_characteristic: str | None = None
    loss_characteristic: str | None = None
    repeat_delivery_characteristic: str | None = None
    delivery_order_characteristic: str | None = None
    unavailable_time_characteristic: str | None = None
    server_integrity_process_characteristic: str | None = None


class RiskParameterPac(Wire):
    """`tapi.topology.RiskParameterPac`."""

    risk_characteristic: list[RiskCharacteristic] | None = None


class ValidationMechanism(Wire):
    """`tapi.topology.ValidationMechanism`."""

    validation_mechanism: str | None = None
    layer_protocol_adjacency_validated: str | None = None
    validation_robustness: str | None = None


class NodeEdgePoint(AdminStatePac, GlobalClass, CapacityPac):
    """`tapi.topology.NodeEdgePoint`: a port of a node."""

    layer_protocol_name: LayerProtocolName | None = None
    supported_cep_layer_protocol_qualifier: list[str] | None = None
    aggregated_node_edge_point: list[NodeEdgePointRef] | None = None
    mapped_service_interface_point: list[ServiceInterfacePointRef] | None = None
    link_port_direction: PortDirection | None = None
    link_port_role: PortRole | None = None
    termination_direction: Literal["BIDIRECTIONAL", "SINK", "SOURCE", "UNDEFINED_OR_UNKNOWN"] | None = None
    termination_state: (
        Literal[
            "LP_CAN_NEVER_TERMINATE",
            "LT_NOT_TERMINATED",
            "TERMINATED_SERVER_TO_CLIENT_FLOW",
            "TERMINATED_CLIENT_TO_SERVER_FLOW",
            "TERMINATED_BIDIRECTIONAL",
            "LT_PERMENANTLY_TERMINATED",
            "TERMINATION_STATE_UNKNOWN",
        ]
        | None
    ) = None


class NodeRuleGroupRef(NodeRef):
    """`tapi.topology.NodeRuleGroupRef`."""

    node_rule_group_uuid: str | None = None


class Rule(LocalClass):
    """`tapi.topology.Rule`."""

    rule_type: Literal["FORWARDING", "CAPACITY", "COST", "TIMING", "RISK", "GROUPING"] | None = None
    forwarding_rule: (
        Literal[
            "MAY_FORWARD_ACROSS_GROUP",
            "MUST_FORWARD_ACROSS_GROUP",
            "CANNOT_FORWARD_ACROSS_GROUP",
            "NO_STATEMENT_ON_FORWARDING",
        ]
        | None
    ) = None
    override_priority: Int32 | None = None


class InterRuleGroup(TransferTimingPac, TransferCostPac, RiskParameterPac, GlobalClass, CapacityPac):
    """`tapi.topology.InterRuleGroup`."""

    rule: list[Rule] | None = None
    associated_node_rule_group: list[NodeRuleGroupRef] | None = None


class NodeRuleGroup(TransferTimingPac, TransferCostPac, RiskParameterPac, GlobalClass, CapacityPac):
    """`tapi.topology.NodeRuleGroup`: what a node does between its ports."""

    rule: list[Rule] | None = None
    node_edge_point: list[NodeEdgePointRef] | None = None
    composed_rule_group: list[NodeRuleGroupRef] | None = None
    inter_rule_group: list[InterRuleGroup] | None = None


class Node(AdminStatePac, TransferTimingPac, TransferCostPac, TransferIntegrityPac, GlobalClass, CapacityPac):
    """`tapi.topology.Node`."""

    owned_node_edge_point: list[NodeEdgePoint] | None = None
    aggregated_node_edge_point: list[NodeEdgePointRef] | None = None
    node_rule_group: list[NodeRuleGroup] | None = None
    encap_topology: TopologyRef | None = None
    layer_protocol_name: list[LayerProtocolName] | None = None


class Link(
    AdminStatePac, TransferTimingPac, TransferCostPac, TransferIntegrityPac, RiskParameterPac, GlobalClass, CapacityPac
):
    """`tapi.topology.Link`."""

    node_edge_point: list[NodeEdgePointRef] | None = None
    direction: ForwardingDirection | None = None
    layer_protocol_name: list[LayerProtocolName] | None = None
    transitioned_layer_protocol_name: list[str] | None = None
    resilience_type: ResilienceType | None = None
    validation_mechanism: list[ValidationMechanism] | None = None


class Topology(GlobalClass):
    """`tapi.topology.Topology`."""

    node: list[Node] | None = None
    link: list[Link] | None = None
    layer_protocol_name: list[LayerProtocolName] | None = None


class Route(LocalClass):
    """`tapi.connectivity.Route`: the connection end points on the way."""

    connection_end_point: list[ConnectionEndPointRef] | None = None


class RouteRef(ConnectionRef):
    """`tapi.connectivity.RouteRef`."""

    route_local_id: str | None = None


class Switch(LocalClass):
    """`tapi.connectivity.Switch`."""

    selected_connection_end_point: list[ConnectionEndPointRef] | None = None
    selected_route: list[RouteRef] | None = None
    selection_control: Literal["LOCK_OUT", "NORMAL", "MANUAL", "FORCED"] | None = None
    selection_reason: (
        Literal["LOCKOUT", "NORMAL", "MANUAL", "FORCED", "WAIT_TO_REVERT", "SIGNAL_DEGRADE", "SIGNAL_FAIL"] | None
    ) = None
    switch_direction: PortDirection | None = None


class SwitchControlRef(ConnectionRef):
    """`tapi.connectivity.SwitchControlRef`."""

    switch_control_uuid: str | None = None


class SwitchControl(GlobalClass, ResilienceConstraint):
    """`tapi.connectivity.SwitchControl`."""

    sub_switch_control: list[SwitchControlRef] | None = None
    switch: list[Switch] | None = None


class Connection(GlobalClass):
    """`tapi.connectivity.Connection`."""

    operational_state: OperationalState | None = None
    lifecycle_state: LifecycleState | None = None
    connection_end_point: list[ConnectionEndPointRef] | None = None
    lower_connection: list[ConnectionRef] | None = None
    supported_client_link: list[LinkRef] | None = None
    route: list[Route] | None = None
    switch_control: list[SwitchControl] | None = None
    layer_protocol_name: LayerProtocolName | None = None
    direction: ForwardingDirection | None = None
