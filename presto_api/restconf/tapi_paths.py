"""The TAPI classes of path computation, by the names of the published definitions."""

from __future__ import annotations

from typing import Literal

from presto_api.restconf.tapi import (
    Capacity,
    GlobalClass,
    LayerProtocolName,
    LocalClass,
    PathRef,
    PortDirection,
    PortRole,
    RoutingConstraint,
    ServiceInterfacePointRef,
    TopologyConstraint,
    Wire,
)

DirectiveValue = Literal["MINIMIZE", "MAXIMIZE", "ALLOW", "DISALLOW", "DONT_CARE"]


class PathObjectiveFunction(LocalClass):
    """`tapi.path.computation.PathObjectiveFunction`."""

    bandwidth_optimization: DirectiveValue | None = None
    concurrent_paths: DirectiveValue | None = None
    cost_optimization: DirectiveValue | None = None
    link_utilization: DirectiveValue | None = None
    resource_sharing: DirectiveValue | None = None


class PathOptimizationConstraint(LocalClass):
    """`tapi.path.computation.PathOptimizationConstraint`."""

    traffic_interruption: DirectiveValue | None = None


class PathServiceEndPoint(LocalClass):
    """`tapi.path.computation.PathServiceEndPoint`: the UNI where a path ends."""

    layer_protocol_name: LayerProtocolName | None = None
    layer_protocol_qualifier: str | None = None
    service_interface_point: ServiceInterfacePointRef | None = None
    capacity: Capacity | None = None
    direction: PortDirection | None = None
    role: PortRole | None = None


class PathComputationService(GlobalClass):
    """`tapi.path.computation.PathComputationService`: what was asked for, and the paths."""

    path: list[PathRef] | None = None
    end_point: list[PathServiceEndPoint] | None = None
    routing_constraint: RoutingConstraint | None = None
    topology_constraint: TopologyConstraint | None = None
    objective_function: PathObjectiveFunction | None = None
    optimization_constraint: PathOptimizationConstraint | None = None


class ComputeInput(Wire):
    """`tapi.path.computation.computep2ppath.Input`."""

    sep: list[PathServiceEndPoint] | None = None
    routing_constraint: RoutingConstraint | None = None
    topology_constraint: TopologyConstraint | None = None
    objective_function: PathObjectiveFunction | None = None


class PathIdInput(Wire):
    """`tapi.path.computation.deletep2ppath.Input`."""

    path_id_or_name: str | None = None


class OptimizeInput(PathIdInput):
    """`tapi.path.computation.optimizep2ppath.Input`."""

    routing_constraint: RoutingConstraint | None = None
    optimization_constraint: PathOptimizationConstraint | None = None
    objective_function: PathObjectiveFunction | None = None


class PathOutput(Wire):
    """The output of compute, optimise and delete."""

    service: PathComputationService
