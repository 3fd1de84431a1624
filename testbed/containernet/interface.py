# ruff: noqa: N802  (names and signatures are Mininet's)
"""Mininet's interfaces and links, made by a plan and configured from outside the node.

Images therefore need no ``ip``, ``ifconfig``, ``ethtool`` or ``tc`` of their own.
"""

from __future__ import annotations

import inspect
import json
from contextlib import suppress
from functools import partial
from typing import Any

from mininet.link import Link, OVSLink, TCIntf
from mininet.log import warn
from mininet.node import OVSSwitch

from common.findings import nearest
from testbed.containernet import impairment_bridge, names
from testbed.containernet.factories import is_class, unwrapped
from testbed.containernet.links import check_shaping, per_cent
from testbed.containernet.plan import Plan, network_of, run_line
from testbed.errors import Ended
from testbed.host import kernel

NETEM = ("delay", "jitter", "loss", "max_queue_size")


class PlannedIntf:
    """Mixin for Mininet interfaces: the same behaviour by ``iproute2`` in the node's namespace."""

    plan: Plan
    node: Any
    name: str
    mac: str | None
    ip: str | None
    prefixLen: int | str | None  # noqa: N815
    _told: frozenset[str] = frozenset()

    def cmd(self, *args: Any, **_options: Any) -> str:
        """Run shell words in the node's network, or plan it; a planned command prints nothing."""
        options = args[0] if len(args) == 1 and isinstance(args[0], list) else args
        line = " ".join(str(option) for option in options)
        return self.plan.do(self.node, line)

    def config(self, **params: Any) -> Any:
        """Configure the interface as its class does; options that nobody takes are said once, as Mininet does not."""
        for option in params.keys() - self._options() - self._told:
            warn(f"*** {self.name}: {option} {_no_parameter(option, self._options())}\n")
        self._told = self._told | params.keys()
        return super().config(**params)  # type: ignore[misc]

    def _options(self) -> set[str]:
        functions = [vars(cls)["config"] for cls in type(self).__mro__ if "config" in vars(cls)]
        return {option for function in functions for option in inspect.signature(function).parameters}

    def setIP(self, ipstr: str, prefixLen: int | None = None, overwrite: bool = True) -> str:  # noqa: N803
        """Replace the address of that family, IPv4 or IPv6, or with *overwrite* False add one.

        *ipstr* may end in its prefix length.
        """
        names.check_ip(self.node.name, ipstr)
        address, _, length = ipstr.partition("/")
        if not length and prefixLen is None:
            raise ValueError(f"{self.node.name}: no prefix length for the address {ipstr}")
        self.ip, self.prefixLen = address, length or prefixLen
        former = "::/0 scope global" if ":" in address else "0.0.0.0/0"
        return (
            (self.cmd(f"ip address flush dev {self.name} to {former}") if overwrite else "")
            + self.cmd(f"ip address add {address}/{self.prefixLen} dev {self.name}")
            + self.cmd(f"ip link set dev {self.name} up")
        )

    def setMAC(self, macstr: str) -> str:
        """Set the MAC address."""
        names.check_mac(self.node.name, macstr)
        self.mac = macstr
        return self.cmd(f"ip link set dev {self.name} address {macstr}")

    def ifconfig(self, *args: Any) -> str:
        """Do what ``ifconfig`` would: ``up`` and ``down`` by ``ip``, the rest by the machine's ``ifconfig``."""
        options = " ".join(str(option) for option in args)
        if options in ("up", "down"):
            return self.cmd(f"ip link set dev {self.name} {options}")
        return self.cmd("ifconfig", self.name, *args)

    def isUp(self, setUp: bool = False) -> bool:
        """Tell whether the interface is up; set it up first when asked to."""
        if setUp:
            return not self.cmd(f"ip link set dev {self.name} up")
        return "UP" in self._seen().get("flags", [])

    def updateIP(self) -> str | None:
        """Return the first IPv4 address that the kernel knows."""
        inet = [a["local"] for a in self._seen().get("addr_info", []) if a["family"] == "inet"]
        self.ip = inet[0] if inet else None
        return self.ip

    def updateMAC(self) -> str | None:
        """Return the MAC address that the kernel knows."""
        self.mac = self._seen().get("address")
        return self.mac

    def updateAddr(self) -> tuple[str | None, str | None]:
        """Return the IPv4 address and the MAC address that the kernel knows."""
        return self.updateIP(), self.updateMAC()

    def delete(self) -> None:
        """Delete the interface, and with it its peer; nothing is wrong when the peer was first."""
        with suppress(Ended):  # it ended with its node
            self.cmd(f"(ip link del dev {self.name}) 2>/dev/null || :")
        self.node.delIntf(self)
        self.plan.unplug_impairment_bridge(self.node, self.name)

    def status(self) -> str:
        """Return OK or MISSING."""
        return "OK" if self._seen() else "MISSING"

    def _seen(self) -> dict[str, Any]:
        self.plan.realize()
        try:
            printed = run_line(f"ip -json address show dev {self.name}", network_of(self.node))
        except Ended:
            return {}
        return dict(json.loads(printed)[0]) if printed.startswith("[") else {}


class PlannedShapedIntf(PlannedIntf):
    """Mixin for Mininet's shaped interfaces: warns of every option that the kernel does not support."""

    plain_checksums = False  # a switch in user space is behind it: TCP needs checksums in the packets
    _shaped = False

    def tc(self, cmd: str, tc: str = "tc") -> str:
        """Run *cmd* for this interface, or plan to. What fails is named here, so Mininet gets nothing to name."""
        line = cmd % (tc, self)
        if not self.plan.lazy:
            printed = self.cmd(line)
            return printed if " show " in line else ""
        if " show " in line:  # what will be there: as the kernel makes it, unless something is planned already
            return "" if self._shaped else "noqueue"
        self._shaped = True
        return self.cmd(f"({line}) 2>/dev/null || :" if " qdisc del " in line else line)  # Open vSwitch deletes it too

    def config(self, **params: Any) -> Any:
        """Configure address and shaping; see Mininet's ``TCIntf``."""
        check_shaping(self.name, params)
        if params.get("loss") is not None:
            params["loss"] = per_cent(params["loss"])
        if self.plain_checksums:
            params.setdefault("txo", False)
        options = {option: params[option] for option in NETEM if params.get(option)}
        if (options or self.plan.impairment_bridge(self.node, self.name, make=False)) and not kernel.has_netem():
            params = {option: value for option, value in params.items() if option not in options}
            self._without_netem(options)
        return super().config(**params)

    def _without_netem(self, options: dict[str, Any]) -> None:
        """Do *options* in user space, all of them anew as tc would; say so, and what cannot be done there."""
        possible = impairment_bridge.OPTIONS if impairment_bridge.available() else ()
        wanted = {option: options.pop(option) for option in possible if option in options}
        found = self.plan.impairment_bridge(self.node, self.name, make=bool(wanted))
        if found:
            found[0].impair(found[1], wanted)
        if found and wanted:
            self._say(f"{', '.join(wanted)} is done in user space")
        elif wanted:
            self._say(f"{', '.join(wanted)} cannot work on a link that was made without; bw can")
        if options:
            self._say(f"{', '.join(options)} cannot work; bw can")

    def _say(self, consequence: str) -> None:
        if consequence not in self._told:  # Mininet configures some interfaces again and again
            self._told |= {consequence}
            warn(f"*** {self.name}: this kernel has no netem, so {consequence}\n")


class PlannedLink:
    """Mixin for Mininet links: the veth pair is planned, not made."""

    plan: Plan

    def __init__(self, *args: Any, mtu: int = 1500, **params: Any) -> None:
        self.mtu = mtu  # of both ends
        super().__init__(*args, **params)

    def makeIntfPair(
        self,
        intfname1: str,
        intfname2: str,
        addr1: str,
        addr2: str,
        node1: Any = None,
        node2: Any = None,
        deleteIntfs: bool = True,  # noqa: N803  (names in a namespace of our own are never taken)
    ) -> None:
        """Plan the pair; both ends start in their nodes. Raises ``ValueError`` for impossible names and addresses."""
        ends = ((node1, intfname1, addr1), (node2, intfname2, addr2))
        for node, name, address in ends:
            names.check_interface(node.name, name)
            names.check_mac(node.name, address)
            if name in node.nameToIntf:
                raise ValueError(f"{node.name}: it has an interface {name} already")
        if node1 is node2 and intfname1 == intfname2:
            raise ValueError(
                f"{node1.name}: both ends of a link to itself would be {intfname1}: give it intfName1 and intfName2"
            )
        self.plan.add_pair((node1, intfname1, addr1, self.mtu), (node2, intfname2, addr2, self.mtu))


def _no_parameter(option: str, known: set[str]) -> str:
    if option in inspect.signature(TCIntf.config).parameters:
        return "has no effect on a plain link: use TCLink"
    return f"is no parameter of an interface. {nearest(option, known)}"


def check_ends(where: str, params: dict[str, Any]) -> None:
    """Raise ``ValueError`` for what the ends of a link, *params* of Mininet's ``Link``, cannot do to their packets."""
    for end, own in (("cls1", "params1"), ("cls2", "params2")):
        base, bound = unwrapped(params[end], {})
        if is_class(base, PlannedShapedIntf):
            check_shaping(where, {**bound, **(params.get(own) or {}), **params})


def is_veth(cls: Any) -> bool:
    """Tell whether links of class *cls* are plain veth pairs, however their ends are shaped."""
    made_by = getattr(getattr(cls, "makeIntfPair", None), "__func__", None)
    return isinstance(cls, type) and made_by is Link.makeIntfPair.__func__


def is_patch(cls: Any, left: Any, right: Any) -> bool:
    """Tell whether a link of class *cls* between two nodes is a patch link: inside Open vSwitch, no interface."""
    return is_class(cls, OVSLink) and isinstance(left, OVSSwitch) and isinstance(right, OVSSwitch)


def planned_interface(cls: Any, plan: Plan) -> Any:
    """Return *cls*, a class or what stands for one, with its commands planned by *plan*; functions as they are."""
    base, own = unwrapped(cls, {})
    if not isinstance(base, type) or issubclass(base, PlannedIntf):
        return cls
    planned = plan.variant(base, PlannedShapedIntf if issubclass(base, TCIntf) else PlannedIntf)
    return partial(planned, **own) if own else planned


def planned_link(cls: type[Link], plan: Plan) -> Any:
    """Return *cls* with its veth pair planned by *plan*."""
    return plan.variant(cls, PlannedLink)
