"""The owner of a lab: creates resources with the lab's id in their labels, and holds its folder and lease.

Resources are found again by these labels alone (``testbed.labels``). Those that can be seen without seeing the lab's
folder name their creator too (``testbed.ownership.creator``), so that orphans can be told from there.
"""

from __future__ import annotations

from pathlib import Path

from testbed.host import netns
from testbed.host.engine import engine
from testbed.host.namespace import Namespace
from testbed.labels import ALIAS, CREATOR_LABEL, KEPT_LABEL, LAB_VARIABLE, LABEL, NODE_LABEL
from testbed.ownership.creator import Creator
from testbed.ownership.lease import LABS, Lease


class Owner:
    """Makes found on behalf of one lab. Get one by :meth:`create`, or :meth:`adopt` for a lab that is there."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.creator = str(Creator.here())

    @classmethod
    def create(cls, name: str, labs: Path = LABS, *, keep_unused: bool = True) -> Owner:
        """Create the folder of a new lab, and nothing else: see :meth:`Lease.create`."""
        return cls(Lease.create(name, labs, keep_unused=keep_unused))

    @classmethod
    def adopt(cls, folder: Path) -> Owner:
        """Take over the lab in *folder*, to remove it; raise ``LeaseError`` when its owner is alive."""
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
        """The environment variable that says that a process belongs to this lab."""
        return {LAB_VARIABLE: self.lab}

    def labels(self, node: str = "") -> dict[str, str]:
        """Return the labels of a Docker object of this lab, and of *node* when given."""
        return {LABEL: self.lab, CREATOR_LABEL: self.creator, **({NODE_LABEL: node} if node else {})}

    @property
    def alias(self) -> str:
        """The alias of an interface of this lab in the machine's own namespace."""
        return f"{ALIAS}:{self.lab}:{self.creator}"

    def keep(self) -> None:
        """Let the lab outlive this process; a Docker volume says so to those who see the engine but not the lease."""
        name = f"lso-kept-{self.lab}"
        engine().volumes.create(name, labels={**self.labels(), KEPT_LABEL: "yes"})
        self.lease.keep()

    def make_namespace(self, name: str, *, ipv6: bool = False) -> Namespace:
        """Make the network namespace ``ns/<name>`` in the lab's folder, without IPv6 unless asked for."""
        path = self.folder / "ns" / name
        netns.make(path, ipv6=ipv6)
        return Namespace(str(path), self.lab)
