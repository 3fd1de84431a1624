# ruff: noqa: N802, N803, N815  (names and signatures are Containernet's)
"""External service access points: a switch that this machine itself is on, with or without a way out of it."""

from __future__ import annotations

import hashlib
import inspect
import ipaddress
import subprocess
from collections.abc import Iterator
from typing import Any

from mininet.node import OVSBridge, OVSSwitch, Switch

from common.findings import nearest
from testbed.containernet.containers.parameters import refuse
from testbed.containernet.plan import Plan


class SapBridge(OVSBridge):  # type: ignore[misc]
    """A learning bridge of the machine's Open vSwitch that has an address, *ip*, in the machine's own network."""

    def __init__(self, name: str, ip: str, dpid: str | None = None, **params: Any) -> None:
        self.ip = ip
        self.deployed_name = name
        super().__init__(name, dpid=dpid or hashlib.sha256(name.encode()).hexdigest()[:12], **params)

    def start(self, controllers: list[Any]) -> None:
        """Make the bridge and give it its address."""
        super().start(controllers)
        self.cmd(f"ip address add {self.ip} dev {self.name}; ip link set {self.name} up")


class ExternalAccess:
    """Containernet's calls for service access points; a mixin for Mininet's class."""

    plan: Plan
    switches: list[Any]
    links: list[Any]
    nameToNode: dict[str, Any]
    _started: bool

    def __init__(self, *args: Any, **params: Any) -> None:
        self.SAPswitches: dict[str, Any] = {}
        self._nat: set[str] = set()
        super().__init__(*args, **params)

    def addExtSAP(self, sapName: str, sapIP: str, dpid: str | None = None, NAT: bool = False, **params: Any) -> Any:
        """Add an access point with the address *sapIP* (``10.10.1.1/30``); with *NAT* its network reaches beyond here.

        Raises ``ParameterError`` for an address that is none, and for words that a switch does not take.
        """
        known = {word for cls in (OVSSwitch, Switch) for word in inspect.signature(cls.__init__).parameters} - {"self"}
        findings = [
            f"{word} is no parameter of a switch. {nearest(word, known)}" for word in params if word not in known
        ]
        try:
            ipaddress.IPv4Interface(sapIP)
        except ValueError as error:
            findings.append(f"sapIP: {error}")
        refuse(sapName, findings)
        network: Any = self
        switch = network.addSwitch(sapName, cls=SapBridge, dpid=dpid, ip=sapIP, **params)
        self.SAPswitches[sapName] = switch
        if self._started:
            switch.start([])
        if NAT:
            self.addSAPNAT(switch)
        return switch

    def removeExtSAP(self, sapName: str) -> None:
        """Remove an access point, its links and its rules. Raises ``ValueError`` when there is none of that name."""
        if sapName not in self.SAPswitches:
            raise ValueError(f"there is no access point {sapName}. {nearest(sapName, self.SAPswitches)}")
        network: Any = self
        switch = self.SAPswitches.pop(sapName)
        self.removeSAPNAT(switch)
        for link in [link for link in self.links if switch in (link.intf1.node, link.intf2.node)]:
            network.removeLink(link)
        switch.stop()
        self.switches.remove(switch)
        del self.nameToNode[sapName]

    def addSAPNAT(self, SAPSwitch: Any) -> None:
        """Let the network of an access point reach what this machine reaches, under the machine's address."""
        if SAPSwitch.name not in self._nat:
            self._nat.add(SAPSwitch.name)
            self._iptables("-A", SAPSwitch)

    def removeSAPNAT(self, SAPSwitch: Any) -> None:
        """Take back what :meth:`addSAPNAT` did."""
        if SAPSwitch.name in self._nat:
            self._iptables("-D", SAPSwitch)
            self._nat.remove(SAPSwitch.name)

    def _iptables(self, action: str, switch: Any) -> None:
        """Add or delete the rules of *switch*; they carry the lab's label, so that they can be found after a crash."""
        mark = ["-m", "comment", "--comment", self.plan.owner.alias]
        for table, chain, match, target in _rules(switch.deployed_name, switch.ip):
            words = ["iptables", "-w", "-t", table, action, chain, *match, *mark, "-j", target]
            done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=30)
            if done.returncode:
                raise RuntimeError(f"{switch.name}: {' '.join(words)}: {done.stderr.strip()}")


def _rules(interface: str, address: str) -> Iterator[tuple[str, str, list[str], str]]:
    network = str(ipaddress.IPv4Interface(address).network)
    yield "nat", "POSTROUTING", ["!", "-o", interface, "-s", network], "MASQUERADE"
    yield "filter", "FORWARD", ["-o", interface], "ACCEPT"
    yield "filter", "FORWARD", ["-i", interface], "ACCEPT"
