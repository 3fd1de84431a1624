"""Inspect a uCPE out of band, without the interfaces that the orchestrator uses."""

from testbed.ucpe_view.container_access import ContainerAccess, ViewError
from testbed.ucpe_view.counters import PortCount, SwitchCount, beside_rules, count, port_counts, taken_by_kernel
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
    "PortCount",
    "Snapshot",
    "SwitchCount",
    "Trace",
    "UcpeView",
    "ViewError",
    "Vnf",
    "apart",
    "beside_rules",
    "count",
    "differences",
    "parse_flows",
    "parse_trace",
    "port_counts",
    "taken_by_kernel",
    "together",
]
