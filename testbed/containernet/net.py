# ruff: noqa: N802  (names and signatures are Mininet's and Containernet's)
"""The network: Mininet's class with Containernet's calls, started side by side."""

from __future__ import annotations

import atexit
import resource
import shlex
import shutil
import weakref
from collections.abc import Callable
from typing import Any

from mininet.cli import CLI
from mininet.link import Intf, OVSIntf, OVSLink, TCIntf, TCLink
from mininet.log import info, output, warn
from mininet.net import Mininet
from mininet.node import Controller, DefaultController, OVSController, OVSSwitch, Switch, findController
from mininet.node import Host as MininetHost
from mininet.util import ensureRoot, ipAdd

from testbed.containernet import names
from testbed.containernet.bridge import NamespaceBridge
from testbed.containernet.containers.container import Docker
from testbed.containernet.controllers import NoController
from testbed.containernet.factories import adopt, is_class, unwrapped
from testbed.containernet.interface import PlannedLink, check_ends, is_patch, is_veth, planned_interface, planned_link
from testbed.containernet.links import ends, link_name
from testbed.containernet.node import Host, PlannedNode
from testbed.containernet.plan import Plan, network_of, run_line
from testbed.containernet.sap import ExternalAccess
from testbed.host import kernel
from testbed.nodes import description
from testbed.nodes.node import Node
from testbed.ownership import lease, reap
from testbed.ownership.lease import State
from testbed.ownership.owner import Owner
from testbed.threads import in_parallel

NOT_SENT = (0, 0, 0, 0, 0, 0)
LOST = (1, 0, 0, 0, 0, 0)
_NETWORKS: weakref.WeakSet[Containernet] = weakref.WeakSet()  # those of this process


class Containernet(ExternalAccess, Mininet):  # type: ignore[misc]
    """A Mininet whose hosts may be Docker containers.

    Naming nodes and links starts nothing; ``build``, ``start`` or a first command makes them. Everything carries the
    id of a lab: of *owner* when given, else of one made for this network and ended by ``stop``.
    """

    hosts: list[Any]
    switches: list[Any]
    links: list[Any]

    def __init__(self, *args: Any, owner: Owner | None = None, **params: Any) -> None:
        self._owner = owner
        self._owns = owner is None
        self._started = False
        self.plan = Plan(self._lab, ipv6=self._owns)
        _NETWORKS.add(self)
        self.init()  # before Mininet's constructor calls its own
        super().__init__(*args, **params)

    @classmethod
    def init(cls) -> None:
        """Prepare this process for many nodes. Mininet would change system-wide settings for good; we leave them."""
        if cls.inited:
            return
        ensureRoot()
        for limit, wanted in ((resource.RLIMIT_NPROC, 8192), (resource.RLIMIT_NOFILE, 16384)):
            soft, hard = resource.getrlimit(limit)
            if soft != resource.RLIM_INFINITY and soft < wanted:
                most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
                resource.setrlimit(limit, (most, hard))
        Mininet.inited = True

    def _lab(self) -> Owner:
        if self._owner is None:
            if any(lease.state(folder) in (State.DEAD, State.BEING_REMOVED) for folder in lease.folders()):
                _reap()  # a script that was killed has left bridges and interfaces with the names we want
            self._owner = Owner.create("containernet")
            atexit.register(self._remove_at_exit)
        return self._owner

    # --- nodes ---

    def getNextIp(self) -> str:
        """Return the next address of the network's own range, with its prefix length; it is given to no host."""
        address = ipAdd(self.nextIP, ipBaseNum=self.ipBaseNum, prefixLen=self.prefixLen)
        self.nextIP += 1
        return f"{address}/{self.prefixLen}"

    def addHost(self, name: str, cls: Any = None, **params: Any) -> Any:
        """Add a host; Mininet's plain ``Host`` becomes one without a process of its own."""
        cls, params = unwrapped(cls or self.host, params)
        if cls is MininetHost and params.get("inNamespace", True):
            cls = Host
        return self._named(super().addHost, name, cls, params)

    def addDocker(self, name: str, cls: Any = Docker, **params: Any) -> Any:
        """Add a container as a host; see :class:`Docker` for the parameters."""
        return self.addHost(name, cls=cls, **params)

    def addSwitch(self, name: str, cls: Any = None, **params: Any) -> Any:
        """Add a switch; Open vSwitch gets the datapath that this kernel has."""
        return self._named(super().addSwitch, name, *unwrapped(cls or self.switch, params))

    def _named(self, add: Callable[..., Any], name: str, cls: Any, params: dict[str, Any]) -> Any:
        """Add the node *name* by Mininet's method, and bind what it made to the plan."""
        names.check_node(name)
        if name in self.nameToNode:
            raise ValueError(f"there is a node {name} already")
        names.check_mac(name, params.get("mac"))
        if isinstance(address := params.get("ip"), str):
            names.check_ip(name, address)
        if is_class(cls, OVSSwitch):
            names.check_interface(name, name)
        own = {"plan": self.plan} if is_class(cls, PlannedNode) else {}
        with self.plan.as_host():
            node = add(name, cls=cls, **params, **own)
        if not isinstance(node, PlannedNode):
            adopt(node, self.plan, params)
        self._catch_up()
        return node

    def addController(self, name: Any = "c0", controller: Any = None, **params: Any) -> Any:
        """Add a controller; where no controller program is installed, the switches learn by themselves."""
        wanted = controller or self.controller
        if wanted in (Controller, DefaultController, OVSController) and not isinstance(name, Controller):
            found = findController() if shutil.which("telnet") else None
            if found is None:
                warn("*** No controller program is installed (openvswitch-testcontroller): switches learn alone\n")
                found = NoController
            wanted = found
        return super().addController(name, wanted, **params)

    def removeHost(self, name: Any, **_params: Any) -> bool:
        """Remove a host (or its name) and its links from the running network; False when there is none."""
        node = name if not isinstance(name, str) else self.nameToNode.get(name)
        if node not in self.hosts:
            return False
        self.delNode(node)
        return True

    def removeDocker(self, name: Any, **params: Any) -> bool:
        """Remove a container from the running network."""
        return self.removeHost(name, **params)

    def delNode(self, node: Any, nodes: list[Any] | None = None) -> None:
        """Remove a node of any kind and its links from the network."""
        for link in [link for link in self.links if node in (link.intf1.node, link.intf2.node)]:
            self.removeLink(link)
        self.plan.realize()  # a node that is only planned would come later
        self.plan.forget(node)
        super().delNode(node, nodes)
        self._catch_up()

    # --- links ---

    def addLink(self, node1: Any, node2: Any, port1: Any = None, port2: Any = None, cls: Any = None,
                **params: Any) -> Any:  # fmt: skip
        """Add a link, also to a running network."""
        nodes = ends(self.nameToNode, node1, node2)
        cls, params = unwrapped(cls or self.link, params)
        with self.plan.naming():
            link = self._name_link(nodes, (port1, port2), cls, params)
        self._catch_up()
        if self._started:
            self._attach(link)
        return link

    def _name_link(self, nodes: list[Any], ports: tuple[Any, Any], cls: Any, params: dict[str, Any]) -> Any:
        patch = is_patch(cls, *nodes)
        if not patch and (is_veth(cls) or is_class(cls, OVSLink)) and params.get("fast", True):
            self._plan_ends(cls, params)
            check_ends(link_name(*nodes), params)
            cls = planned_link(cls, self.plan)
        else:
            self.plan.realize()
            params = params if isinstance(cls, type) else self._made_outside(params)
        link = super().addLink(*nodes, *ports, cls, **params)
        if not isinstance(link, PlannedLink):
            self._mark(link)
        switched = [intf for intf in (link.intf1, link.intf2) if _in_user_space(intf.node)]
        if switched and not patch:
            for intf in (link.intf1, link.intf2):
                self.plan.add_plain_checksums(intf.node, intf.name)
                intf.plain_checksums = True
            for intf in switched:
                self.plan.add_silent(intf.name)
        return link

    def _mark(self, link: Any) -> None:
        """Mark the ends of a link that Mininet itself has made, where they are the machine's own interfaces."""
        for intf in (link.intf1, link.intf2):
            if not intf.node.inNamespace and not isinstance(intf, OVSIntf):
                self.plan.do(intf.node, f"ip link set dev {intf.name} alias {self.plan.owner.alias}")

    def _made_outside(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return *params* for a function that makes a link by itself: its ends are made here and moved."""
        shaped = planned_interface(TCIntf, self.plan)
        return {"fast": False, "cls1": shaped, "cls2": shaped, **params}

    def removeLink(self, link: Any = None, node1: Any = None, node2: Any = None) -> None:
        """Remove *link*, or the first one between two nodes, from the running network."""
        if link is None:
            link = self.linksBetween(*ends(self.nameToNode, node1, node2))[0]
        self.plan.realize()
        for intf in (link.intf1, link.intf2):
            if isinstance(intf.node, Switch):
                intf.node.detach(intf)
        self.delLink(link)

    def _plan_ends(self, cls: Any, params: dict[str, Any]) -> None:
        default = TCIntf if issubclass(cls, TCLink) else params.get("intf") or self.intf or Intf
        for end in ("cls1", "cls2"):
            params[end] = planned_interface(params.get(end) or default, self.plan)

    def _attach(self, link: Any) -> None:
        for intf in (link.intf1, link.intf2):
            if isinstance(intf.node, Switch):
                intf.node.attach(intf)
            elif intf is intf.node.defaultIntf() and not intf.IP():
                intf.node.configDefault()

    # --- life ---

    def build(self) -> None:
        """Plan what the topology asks for, then make all of it."""
        super().build()
        self.plan.realize_addressed()

    def configHosts(self) -> None:
        """Configure the hosts; those that Mininet itself has made run their commands at once, so they are last."""
        everyone = self.hosts
        theirs = [host for host in everyone if not isinstance(host, PlannedNode)]
        self.hosts = [host for host in everyone if isinstance(host, PlannedNode)]
        super().configHosts()
        if theirs:
            self.plan.realize()
            self.hosts = theirs
            super().configHosts()
        self.hosts = everyone

    def start(self) -> None:
        """Start the network: hosts, links, controllers, switches."""
        self._lab()
        self._refuse_foreign_bridges()
        try:
            super().start()
            self.plan.realize()
        except BaseException:  # also Ctrl-C: half a network is of no use to anyone
            self._remove_all()
            raise
        self.plan.lazy = False
        self._started = True
        self._describe()

    def stop(self) -> None:
        """Stop everything and remove it; containers side by side."""
        for access in self.SAPswitches.values():
            self.removeSAPNAT(access)
        ours = [node for node in (*self.hosts, *self.switches) if isinstance(node, PlannedNode)]
        in_parallel(lambda node: node.terminate(), ours)
        self.links, theirs = [link for link in self.links if not self._gone(link, ours)], self.hosts
        self.hosts = [host for host in theirs if host not in ours]
        self.switches = [switch for switch in self.switches if switch not in ours]
        try:
            super().stop()
        finally:  # whatever one node has against its end, nothing stays
            self._started = False
            if self._owns:
                self._remove_all()

    def running(self) -> bool:
        """Tell whether anything of the network exists, also when its start or stop has failed."""
        return self._owns and self._owner is not None

    def _remove_all(self) -> None:
        """Remove whatever carries this network's label, and its lease; the owner of a lab does that itself."""
        for node in (*self.hosts, *self.switches):
            if isinstance(node, PlannedNode):
                node.close_shell()
        if self._owns and self._owner:
            reap.remove(self._owner)
            self._owner = None
            atexit.unregister(self._remove_at_exit)

    def _remove_at_exit(self) -> None:
        """Remove what a script that ends without ``stop`` has made, unless one that it forked goes on with it."""
        if self._owner and self._owner.lease.hold_alone():
            info("*** The network was not stopped: removing it\n")
            try:
                self._remove_all()
            except reap.ReapError as fault:
                warn(f"*** What the network has made cannot be removed: {fault}\n")

    @staticmethod
    def _gone(link: Any, nodes: list[Any]) -> bool:
        return link.intf1.node in nodes or link.intf2.node in nodes

    def _catch_up(self) -> None:
        if self._started:
            self.plan.realize()
            self._describe()

    def _describe(self) -> None:
        """Tell others on this machine which nodes there are to enter; the owner of a lab does that itself."""
        if self._owns and self._owner:
            ours = [node for node in (*self.hosts, *self.switches) if isinstance(node, PlannedNode)]
            description.write(self._owner.folder, [_described(node) for node in ours], {}, None)

    def _refuse_foreign_bridges(self) -> None:
        """Mininet deletes a bridge that has the name of one of its switches, whoever made it."""
        names = {s.name for s in self.switches if isinstance(s, OVSSwitch)}
        taken = names & kernel.ovs_bridges()
        if taken and not self._started:
            _reap()  # or waits for another reaper
            taken = names & kernel.ovs_bridges()
        if taken and not self._started:
            raise RuntimeError(f"Open vSwitch has a bridge {', '.join(sorted(taken))} already: another network runs")

    # --- tests ---

    def ping(self, hosts: list[Any] | None = None, timeout: Any = None, manualdestip: str | None = None) -> float:
        """Ping between all *hosts*, or from each to *manualdestip*; return the loss in per cent."""
        results = self.pingFull(hosts, timeout, manualdestip)
        sent = sum(result[2][0] for result in results)
        received = sum(result[2][1] for result in results)
        return 100.0 * (sent - received) / sent if sent else 0.0

    def pingFull(self, hosts: list[Any] | None = None, timeout: Any = None,
                 manualdestip: str | None = None) -> list[Any]:  # fmt: skip
        """Ping as :meth:`ping` does; return (node, target, (sent, received, min, avg, max, deviation)) for each."""
        hosts = hosts or self.hosts
        results = []
        for node in hosts:
            output(f"{node.name} -> ")
            for target in [manualdestip] if manualdestip else [host for host in hosts if host is not node]:
                result = self._ping_once(node, target, timeout)
                output(f"{target} " if result[1] else "X ")
                results.append((node, target, result))
            output("\n")
        return results

    def _ping_once(self, node: Any, target: Any, timeout: Any) -> tuple[float, ...]:
        self.plan.realize()
        if not isinstance(target, str) and not target.intfs:
            return NOT_SENT  # as in Mininet
        address = target if isinstance(target, str) else target.IP()
        if not (address and node.intfs):
            return LOST
        command = ["ping", "-c1", *(["-W", str(timeout)] if timeout else []), address]
        return tuple(self._parsePingFull(run_line(shlex.join(command), network_of(node))))

    def interact(self) -> Any:
        """Start, run Mininet's command line, stop."""
        self.start()
        result = CLI(self)
        self.stop()
        return result


def _in_user_space(node: Any) -> bool:
    """Tell whether *node* is a switch of the machine's Open vSwitch whose frames pass user space."""
    return isinstance(node, OVSSwitch) and node.datapath == "user" and not node.inNamespace


def _reap() -> None:
    """Remove what killed scripts have left; what cannot be removed is said, and in nobody's way."""
    try:
        reap.reap()
    except reap.ReapError as fault:
        warn(f"*** What a killed network left cannot be removed: {fault}\n")


def _described(node: Any) -> Node:
    process = node.process if isinstance(node, Docker) else None
    kind = "container" if process else "switch" if isinstance(node, Switch) else "host"
    return Node(node.name, kind, node._namespace, process)


def cleanup() -> None:
    """Stop the networks of this process, and remove what scripts have left that have ended; nobody else's."""
    for network in list(_NETWORKS):
        if network.running():
            network.stop()
    reap.reap()


__all__ = ["Containernet", "Docker", "Host", "NamespaceBridge", "cleanup", "info"]
