"""What the operations take and give back: the inputs and outputs of the published file."""

from __future__ import annotations

from presto_api.restconf.sdwan import ServiceInterfacePoint, SwvcEndpointAttributes, SwvcServiceAttributes
from presto_api.restconf.tapi import (
    AdministrativeState,
    AdminStatePac,
    Capacity,
    ConnectionEndPointRef,
    ConnectionRef,
    ConnectivityConstraint,
    GlobalClass,
    LayerProtocolName,
    LocalClass,
    PortDirection,
    PortRole,
    ProtectionRole,
    ResilienceConstraint,
    RoutingConstraint,
    ServiceInterfacePointRef,
    TopologyConstraint,
    Wire,
)
from presto_api.restconf.tapi_topology import Connection, Link, Node, NodeEdgePoint, Topology


class TapiEndPoint(LocalClass, AdminStatePac):
    """`tapi.connectivity.ConnectivityServiceEndPoint`: an end point without SD-WAN attributes."""

    layer_protocol_name: LayerProtocolName | None = None
    layer_protocol_qualifier: str | None = None
    service_interface_point: ServiceInterfacePointRef | None = None
    connection_end_point: list[ConnectionEndPointRef] | None = None
    capacity: Capacity | None = None
    direction: PortDirection | None = None
    role: PortRole | None = None
    protection_role: ProtectionRole | None = None


class EndPoint(TapiEndPoint):
    """`tapi.connectivity.createconnectivityservice.input.EndPoint`: an SWVC end point."""

    swvc_endpoint_attributes: SwvcEndpointAttributes | None = None


class Service(
    ConnectivityConstraint, GlobalClass, RoutingConstraint, AdminStatePac, TopologyConstraint, ResilienceConstraint
):
    """`tapi.connectivity.*.output.Service`: an SWVC."""

    end_point: list[EndPoint] | None = None
    connection: list[ConnectionRef] | None = None
    swvc_service_attributes: SwvcServiceAttributes | None = None


class _TapiMembers(Wire):
    """What create and update have in common in the published file."""

    connectivity_constraint: ConnectivityConstraint | None = None
    routing_constraint: RoutingConstraint | None = None
    topology_constraint: TopologyConstraint | None = None
    resilience_constraint: list[ResilienceConstraint] | None = None
    state: str | None = None


class _OrderMembers(_TapiMembers):
    """What create and update have in common here."""

    swvc_service_attributes: SwvcServiceAttributes | None = None


class CreateInput(_OrderMembers):
    """`tapi.connectivity.createconnectivityservice.Input`."""

    end_point: list[EndPoint] | None = None


class UpdateInput(_OrderMembers):
    """`tapi.connectivity.updateconnectivityservice.Input`; the SD-WAN attributes are our addition to it."""

    service_id_or_name: str | None = None
    end_point: EndPoint | None = None


class PublishedUpdateInput(_TapiMembers):
    """`tapi.connectivity.updateconnectivityservice.Input` without our addition."""

    service_id_or_name: str | None = None
    end_point: TapiEndPoint | None = None


class ServiceIdInput(Wire):
    """The input of `get-connectivity-service-details` and `delete-connectivity-service`."""

    service_id_or_name: str | None = None


class SipIdInput(Wire):
    """`tapi.common.getserviceinterfacepointdetails.Input`."""

    sip_id_or_name: str | None = None


class SipUpdateInput(SipIdInput):
    """`tapi.common.updateserviceinterfacepoint.Input`."""

    state: AdministrativeState | None = None


class NoInput(Wire):
    """The input of the operations that take none."""


class ServiceOutput(Wire):
    """The output of create, update and details."""

    service: Service


class ServiceListOutput(Wire):
    """`tapi.connectivity.getconnectivityservicelist.Output`."""

    service: list[Service]


class SipOutput(Wire):
    """`tapi.common.getserviceinterfacepointdetails.Output`."""

    sip: ServiceInterfacePoint


class SipListOutput(Wire):
    """`tapi.common.getserviceinterfacepointlist.Output`."""

    sip: list[ServiceInterfacePoint]


class TopologyIdInput(Wire):
    """`tapi.topology.gettopologydetails.Input`."""

    topology_id_or_name: str | None = None


class NodeIdInput(TopologyIdInput):
    """`tapi.topology.getnodedetails.Input`."""

    node_id_or_name: str | None = None


class NodeEdgePointIdInput(NodeIdInput):
    """`tapi.topology.getnodeedgepointdetails.Input`."""

    ep_id_or_name: str | None = None


class LinkIdInput(TopologyIdInput):
    """`tapi.topology.getlinkdetails.Input`."""

    link_id_or_name: str | None = None


class ConnectionIdInput(ServiceIdInput):
    """`tapi.connectivity.getconnectiondetails.Input`."""

    connection_id_or_name: str | None = None


class TopologyListOutput(Wire):
    """`tapi.topology.gettopologylist.Output`."""

    topology: list[Topology]


class TopologyOutput(Wire):
    """`tapi.topology.gettopologydetails.Output`."""

    topology: Topology


class NodeOutput(Wire):
    """`tapi.topology.getnodedetails.Output`."""

    node: Node


class NodeEdgePointOutput(Wire):
    """`tapi.topology.getnodeedgepointdetails.Output`."""

    node_edge_point: NodeEdgePoint


class LinkOutput(Wire):
    """`tapi.topology.getlinkdetails.Output`."""

    link: Link


class ConnectionOutput(Wire):
    """`tapi.connectivity.getconnectiondetails.Output`."""

    connection: Connection
