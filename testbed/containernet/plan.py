"""The parts of a network that were named but do not exist yet; they are made all at once.

Mininet makes each thing at the moment it is named: one shell per host, two or three processes per link. Here naming
only writes into a plan. Realising it starts nodes side by side, makes all links by one ``ip -batch`` and configures
each node by one more. A command given to a node earlier than that realises the plan first, so scripts notice nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from graphlib import CycleError, TopologicalSorter
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mininet.log import error

from testbed.containernet import commands
from testbed.containernet.impairment_bridge import ImpairmentBridge
from testbed.host import offload, wiring
from testbed.host.namespace import Namespace
from testbed.ownership.owner import Owner
from testbed.threads import in_parallel

if TYPE_CHECKING:
    from testbed.containernet.node import PlannedNode

_HOSTING: ContextVar[Plan | None] = ContextVar("hosting", default=None)
Line = str | Callable[[], str]
PlannedEnd = tuple[Any, str, str, int]
OWN_NAMESPACE = "/proc/self/ns/net"


class Plan:
    """Nodes to start, links to make and commands to run, in the order of their naming."""

    def __init__(self, owner: Callable[[], Owner], *, ipv6: bool = False) -> None:
        self._owner = owner
        self.ipv6 = ipv6  # hosts have it, as Mininet's; in a lab, whose hosts are measured, nothing speaks unasked
        self.lazy = True
        self._addressed = False  # whether the hosts have been given their addresses
        self._again: dict[Any, list[Line]] = {}  # routes and neighbours that were named before
        self._lock = threading.RLock()
        self._nodes: list[PlannedNode] = []
        self._pairs: list[tuple[PlannedEnd, PlannedEnd]] = []
        self._commands: dict[Any, list[Line]] = {}
        self.faults: list[str] = []  # what failed so far, each with its node
        self._checksums: list[tuple[Any, str]] = []
        self._silent: list[str] = []
        self._variants: dict[tuple[type, type], type] = {}
        self._new_bridges: list[ImpairmentBridge] = []
        self._bridge_ports: dict[tuple[Any, str], tuple[ImpairmentBridge, str]] = {}
        self._numbers = count(1)
        self.named: dict[str, PlannedNode] = {}

    def variant(self, cls: type, mixin: type) -> type:
        """Return the class *cls* with *mixin* before it, bound to this plan."""
        key = (cls, mixin)
        if key not in self._variants:
            self._variants[key] = type(cls.__name__, (mixin, cls), {"plan": self})
        return self._variants[key]

    @property
    def owner(self) -> Owner:
        """The owner of the lab that the network belongs to; made at first use."""
        return self._owner()

    @contextmanager
    def as_host(self) -> Iterator[None]:
        """Take the nodes that are made during the block, by whatever function, into this plan."""
        token = _HOSTING.set(self)
        try:
            yield
        finally:
            _HOSTING.reset(token)

    @staticmethod
    def hosting() -> Plan:
        """Return the plan that :meth:`as_host` made current; raise ``RuntimeError`` when there is none."""
        if plan := _HOSTING.get():
            return plan
        raise RuntimeError("a node belongs to a network: name it by addHost or addDocker of a Containernet")

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Plan only, for the length of the block, also in a network that runs."""
        before, self.lazy = self.lazy, True
        try:
            yield
        finally:
            self.lazy = before

    def add_node(self, node: PlannedNode) -> None:
        """Plan to start *node*."""
        self._nodes.append(node)
        self.named[node.name] = node

    def add_pair(self, left: PlannedEnd, right: PlannedEnd) -> None:
        """Plan a veth pair; each end is (node, interface name, MAC address, MTU)."""
        self._pairs.append((left, right))

    def do(self, node: Any, line: Line) -> str:
        """Run *line* (shell words) in the network of *node* with the machine's own tools, or plan to.

        Returns what it printed, nothing while it is only planned. What fails is named, once, when it is run. A line
        that depends on what is planned later can be a function, which is asked when everything is made.
        """
        if self.lazy:
            self._commands.setdefault(node, []).append(line)
            return ""
        return self._run(node, [line])

    def _run(self, node: Any, lines: list[Line]) -> str:
        words = [line() if callable(line) else line for line in lines]
        outcomes = commands.run_each(commands.in_order(words), network_of(node))
        early = set() if self._addressed else commands.too_early(outcomes)
        self._again.setdefault(node, []).extend(line for line, word in zip(lines, words, strict=True) if word in early)
        for outcome in outcomes:
            if not outcome.worked and outcome.line not in early:
                reason = "; ".join(outcome.printed.strip().splitlines()) or "no reason given"
                self.faults.append(f"{node.name}: {outcome.line}: {reason}")
                error(f"*** Error: {self.faults[-1]}\n")
        return "".join(outcome.printed for outcome in outcomes)

    def realize_addressed(self) -> None:
        """Make everything that is planned, addresses among it, and then every route that was named before them."""
        self._addressed = True
        again, self._again = self._again, {}
        for node, lines in again.items():
            self._commands[node] = [*lines, *self._commands.get(node, [])]
        self.realize()

    def forget(self, node: Any) -> None:
        """Forget the routes of a *node* that is removed."""
        self._again.pop(node, None)

    def impairment_bridge(self, node: Any, interface: str, *, make: bool) -> tuple[ImpairmentBridge, str] | None:
        """Return the bridge that impairs a link, and the port by which the packets of *interface* leave it.

        None when the link has none. With *make*, a link that is only planned gets one.
        """
        for index, (left, right) in enumerate(self._pairs if make else ()):
            if (node, interface) in (left[:2], right[:2]) and (node, interface) not in self._bridge_ports:
                bridge = ImpairmentBridge(self, f"wire-{next(self._numbers)}")
                self._new_bridges.append(bridge)
                ends = [(bridge, port, wiring.mac_address(bridge.name, port), left[3]) for port in "ab"]
                self._pairs[index : index + 1] = [(left, ends[0]), (ends[1], right)]
                self._bridge_ports |= {left[:2]: (bridge, "b"), right[:2]: (bridge, "a")}
                break
        return self._bridge_ports.get((node, interface))

    def unplug_impairment_bridge(self, node: Any, interface: str) -> None:
        """Forget the impairment bridge of an *interface* that is removed; remove it with the second of its two ends."""
        bridge, _ = self._bridge_ports.pop((node, interface), (None, ""))
        if bridge and all(bridge is not other for other, _ in self._bridge_ports.values()):
            bridge.remove()

    def add_plain_checksums(self, node: Any, interface: str) -> None:
        """Plan to have *interface* compute its checksums in software."""
        self._checksums.append((node, interface))

    def add_silent(self, interface: str) -> None:
        """Plan to have the machine not answer ARP at its own *interface*, the port of a switch in user space.

        Beside the switch the kernel sees what comes in there. It would answer for each address that the machine has,
        such as that of a NAT, with the port's own address, and packets would go past the switch.
        """
        self._silent.append(interface)

    def realize(self) -> None:
        """Make everything that is planned; quick when nothing is."""
        with self._lock:
            nodes, pairs, lines, checksums = self._nodes, self._pairs, self._commands, self._checksums
            self._nodes, self._pairs, self._commands, self._checksums = [], [], {}, []
            silent, self._silent = self._silent, []
            bridges, self._new_bridges = self._new_bridges, []
            if nodes:
                self._owner()  # made here, not by whichever thread comes first
            for side_by_side in _layers(nodes):
                in_parallel(lambda node: node.make(), side_by_side)
            with _last_words(nodes):
                for bridge in bridges:
                    bridge.make()
                wiring.ip_batch(wiring.creation(_cable(left, right) for left, right in pairs))
                for bridge in bridges:
                    bridge.plug()
                outside = [name for pair in pairs for node, name, *_ in pair if network_of(node) is None]
                wiring.ip_batch([f"link set dev {name} alias {self.owner.alias}" for name in outside])
                for interface in silent:
                    Path(f"/proc/sys/net/ipv4/conf/{interface}/arp_ignore").write_text("8")
                in_parallel(lambda item: self._run(*item), lines.items())
                for node, interface in checksums:  # last: Mininet's shaping switches them to the network card
                    offload.set_tx_checksum(interface, on=False, namespace=network_of(node))


@contextmanager
def _last_words(nodes: Sequence[PlannedNode]) -> Iterator[None]:
    """Raise ``EngineError`` for a node that has ended by the end of the block, also where the block failed for that."""
    try:
        yield
    except Exception:
        _check(nodes)
        raise
    _check(nodes)


def _check(nodes: Sequence[PlannedNode]) -> None:
    for node in nodes:
        node.check()


def _layers(nodes: list[PlannedNode]) -> Iterator[list[PlannedNode]]:
    """Yield *nodes* so that each comes after those that it needs."""
    order = TopologicalSorter({node: [needed for needed in node.needs() if needed in nodes] for node in nodes})
    try:
        order.prepare()
    except CycleError as cycle:
        raise RuntimeError(f"these nodes need each other: {', '.join(node.name for node in cycle.args[1])}") from cycle
    while order.is_active():
        ready = order.get_ready()
        yield list(ready)
        order.done(*ready)


def network_of(node: Any) -> Namespace | None:
    """Return the namespace of any Mininet node; None when it is the machine's own."""
    namespace: Namespace | None = getattr(node, "namespace", None)
    if namespace is None and node.inNamespace:
        namespace = Namespace.of_pid(node.pid)
    return namespace


def run_line(line: str, namespace: Namespace | None) -> str:
    """Run the shell words *line* in *namespace* (None: the machine's own network); return what it printed."""
    return "".join(outcome.printed for outcome in commands.run_each([line], namespace))


def _cable(left: PlannedEnd, right: PlannedEnd) -> wiring.Cable:
    return wiring.Cable(_end(*left), _end(*right))


def _end(node: Any, name: str, mac: str, mtu: int) -> wiring.End:
    namespace = network_of(node)
    if namespace:
        namespace.check()
    return wiring.End(namespace.path if namespace else OWN_NAMESPACE, name, mac, mtu)
