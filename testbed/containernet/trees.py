# ruff: noqa: N802  (names and signatures are Containernet's)
"""Tree topologies of containers, as upstream Containernet has them."""

from __future__ import annotations

from typing import Any

from mininet.topo import Topo

from testbed.containernet.containers.container import Docker
from testbed.containernet.net import Containernet

IMAGE = "ubuntu:trusty"  # upstream's


class ContainerTreeTopo(Topo):  # type: ignore[misc]
    """A tree of switches with containers as leaves: *depth* levels, *fanout* children each; hosts h1… switches s1…"""

    def build(self, depth: int = 1, fanout: int = 2, dimage: str = IMAGE) -> None:
        """Name all nodes and links."""
        self.count = {"h": 0, "s": 0}
        self._add_tree(depth, fanout, dimage)

    def _add_tree(self, depth: int, fanout: int, dimage: str) -> str:
        if depth == 0:
            host: str = self.addHost(self._next("h"), cls=Docker, dimage=dimage)
            return host
        switch: str = self.addSwitch(self._next("s"))
        for _ in range(fanout):
            self.addLink(switch, self._add_tree(depth - 1, fanout, dimage))
        return switch

    def _next(self, kind: str) -> str:
        self.count[kind] += 1
        return f"{kind}{self.count[kind]}"


def TreeContainerNet(depth: int = 1, fanout: int = 2, dimage: str = IMAGE, **params: Any) -> Containernet:
    """Return a network that is a tree of containers; *params* are those of ``Containernet``."""
    return Containernet(topo=ContainerTreeTopo(depth, fanout, dimage), **params)
