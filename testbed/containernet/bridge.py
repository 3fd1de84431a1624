"""A Linux bridge in a namespace of its own, as a Mininet switch."""

from __future__ import annotations

from typing import Any

from mininet.node import Switch

from testbed.containernet.node import PlannedNode
from testbed.containernet.plan import Plan
from testbed.host.wiring import ip_batch

# Where br_netfilter is loaded, each new namespace sends bridged packets through iptables and connection tracking. There
# are no rules to meet here, and it costs a tenth of the throughput.
UNFILTERED = 'for call in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e "$call" ] || echo 0 >"$call"; done'


class NamespaceBridge(PlannedNode, Switch):  # type: ignore[misc]
    """A learning switch that needs neither Open vSwitch nor a controller, and that Docker's filter cannot touch."""

    BRIDGE = "br0"
    ipv6 = False  # it only passes frames on

    def __init__(self, name: str, plan: Plan, mtu: int = 1500, **params: Any) -> None:
        self.mtu = mtu
        self.controlIntf = None  # its default interface is a data port: there is nothing to control
        super().__init__(name, plan, **{**params, "dpid": params.get("dpid") or "0"})

    def make(self) -> None:
        """Make the namespace and the bridge in it."""
        super().make()
        made = f"link add name {self.BRIDGE} mtu {self.mtu} type bridge stp_state 0 forward_delay 0 mcast_snooping 0"
        ip_batch([made, f"link set dev {self.BRIDGE} up"], self.namespace)
        self.namespace.run(["sh", "-c", UNFILTERED])

    def start(self, _controllers: list[Any]) -> None:
        """Join all interfaces to the bridge."""
        for intf in self.intfs.values():
            self.attach(intf)

    def attach(self, intf: Any) -> None:
        """Join one interface to the bridge."""
        self._configure(f"ip link set dev {intf} master {self.BRIDGE}")
        self._configure(f"ip link set dev {intf} up")

    def detach(self, intf: Any) -> None:
        """Take one interface out of the bridge; it is gone already when the other end was first."""
        self._configure(f"(ip link set dev {intf} nomaster) 2>/dev/null || :")

    def stop(self, deleteIntfs: bool = True) -> None:  # noqa: N803
        """Do nothing: bridge and interfaces end with the namespace."""
