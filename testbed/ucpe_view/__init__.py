"""Inspect a uCPE out of band, without the interfaces that the orchestrator uses."""

from testbed.ucpe_view.container_access import ContainerAccess, ViewError
from testbed.ucpe_view.flows import FlowEntry, parse_flows
from testbed.ucpe_view.snapshot import Snapshot, apart, differences, together
from testbed.ucpe_view.switch import Port, Trace, parse_trace
from testbed.ucpe_view.view import Container, Network, UcpeView, Vnf

__all__ = [
    "Container",
    "ContainerAccess",
    "FlowEntry",
    "Network",
    "Port",
    "Snapshot",
    "Trace",
    "UcpeView",
    "ViewError",
    "Vnf",
    "apart",
    "differences",
    "parse_flows",
    "parse_trace",
    "together",
]
