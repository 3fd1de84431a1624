"""Resolve what scripts give as a class of nodes, links, interfaces: ``partial``, Mininet's ``custom``, functions."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any

from mininet.node import OVSSwitch
from mininet.nodelib import NAT
from mininet.util import custom

from testbed.containernet.controllers import without_program
from testbed.containernet.eager import EagerNode
from testbed.containernet.nat import OwnedNat
from testbed.containernet.plan import Plan
from testbed.host import kernel
from testbed.labels import BRIDGE_CREATOR, BRIDGE_KEY

CUSTOM = custom(object).__code__


class OwnedBridge(EagerNode):
    """Mixin for Open vSwitch switches: the transaction that makes a bridge gives it the lab's id."""

    def start(self, controllers: list[Any]) -> None:
        """Start the switch; it learns by itself when one of *controllers* is no program."""
        real, alone = without_program(controllers)
        if alone:
            self.failMode = "standalone"
        super().start(real)  # type: ignore[misc]

    def bridgeOpts(self) -> str:  # noqa: N802  (Mininet's name)
        """Return Mininet's options of the bridge, and the lab's external ids."""
        options: str = super().bridgeOpts()  # type: ignore[misc]
        owner = self.plan.owner
        return f"{options} external_ids:{BRIDGE_KEY}={owner.lab} external_ids:{BRIDGE_CREATOR}={owner.creator}"


def unwrapped(factory: Any, params: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the class or function that *factory* calls in the end, and *params* with those that it adds.

    Parameters given to ``partial`` yield to those of the call, those given to ``custom`` do not.
    """
    params = dict(params)
    while True:
        if isinstance(factory, partial) and not factory.args:
            factory, params = factory.func, {**factory.keywords, **params}
        elif getattr(factory, "__code__", None) is CUSTOM:
            own = inspect.getclosurevars(factory).nonlocals
            factory, params = own["cls"], {**params, **own.get("params", {})}
        else:
            return factory, params


def is_class(factory: Any, base: type) -> bool:
    """Tell whether *factory* is *base* or a class derived from it."""
    return isinstance(factory, type) and issubclass(factory, base)


def adopt(node: Any, plan: Plan, params: Mapping[str, Any]) -> None:
    """Bind a node that Mininet itself has made, by whatever class or function, to *plan*."""
    switch = isinstance(node, OVSSwitch)
    mixin = OwnedBridge if switch else OwnedNat if isinstance(node, NAT) else EagerNode
    node.__class__ = plan.variant(type(node), mixin)
    if switch and "datapath" not in params and not kernel.has_ovs_datapath():
        node.datapath = "user"
