"""The owner of what the test-bed makes: one lab's id, folder and lease.

Whatever is made carries the lab's id (``testbed.labels``). Removing follows these labels and nothing else. What others
can see who do not see the folder says who made it too (``testbed.ownership.creator``), so that they can tell the dead
from the living.
"""

from __future__ import annotations

from pathlib import Path

from testbed.host import netns
from testbed.host.engine import engine
from testbed.host.namespace import Namespace
from testbed.labels import ALIAS, KEPT_LABEL, LAB_VARIABLE, LABEL, MAKER_LABEL, NODE_LABEL
from testbed.ownership.creator import Maker
from testbed.ownership.lease import LABS, Lease


class Owner:
    """Makes things on behalf of one lab. Get one by :meth:`create`, or :meth:`adopt` for a lab that is there."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.maker = str(Maker.here())

    @classmethod
    def create(cls, name: str, labs: Path = LABS) -> Owner:
        """Start a new lab; nothing but its folder is made."""
        return cls(Lease.create(name, labs))

    @classmethod
    def adopt(cls, folder: Path) -> Owner:
        """Take over the lab in *folder*, to remove it; raise ``LeaseError`` when its owner lives."""
        return cls(Lease.adopt(folder))

    @property
    def lab(self) -> str:
        """The lab's id."""
        return self.lease.lab

    @property
    def folder(self) -> Path:
        """The lab's folder, readable by root alone."""
        return self.lease.folder

    @property
    def environment(self) -> dict[str, str]:
        """What marks a process as this lab's."""
        return {LAB_VARIABLE: self.lab}

    def labels(self, node: str = "") -> dict[str, str]:
        """Return the labels of a Docker object of this lab, and of *node* when given."""
        return {LABEL: self.lab, MAKER_LABEL: self.maker, **({NODE_LABEL: node} if node else {})}

    @property
    def alias(self) -> str:
        """The alias of an interface of this lab in the machine's own namespace."""
        return f"{ALIAS}:{self.lab}:{self.maker}"

    def keep(self) -> None:
        """Let the lab outlive this process, and show that to everybody who sees the engine but not the lease."""
        name = f"lso-kept-{self.lab}"
        engine().volumes.create(name, labels={**self.labels(), KEPT_LABEL: "yes"})
        self.lease.keep()

    def make_namespace(self, name: str, *, ipv6: bool = False) -> Namespace:
        """Make the network namespace ``ns/<name>`` in the lab's folder, without IPv6 unless asked for."""
        path = self.folder / "ns" / name
        netns.make(path, ipv6=ipv6)
        return Namespace(str(path), self.lab)
