"""A node of a running lab as a value; the same for the lab's owner and for a process that attaches."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from testbed.errors import Ended
from testbed.host.engine import engine
from testbed.host.namespace import Namespace
from testbed.host.process import Process
from testbed.labels import LAB_VARIABLE, LABEL, NODE_LABEL

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Node:
    """One node: *kind* is ``ucpe``, ``host``, ``underlay``, ``lan``; ``container``, ``switch`` in a script.

    *process* is the init process of a node that is a container, None for nodes that are only a namespace: commands in
    these see the machine's own files. *ports* maps, on an underlay or a LAN, each neighbour to the bridge's interface
    towards it. Whatever enters a node raises ``Ended`` when that has ended.
    """

    name: str
    kind: str
    namespace: Namespace
    process: Process | None = None
    ports: Mapping[str, str] = field(default_factory=dict)
    address: str = ""

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return the argument list that runs *argv* in the node from outside."""
        return self.container().command(argv) if self.process else self.namespace.command(argv)

    def container(self) -> Process:
        """Return the init process of the container that the node is; raise ``Ended`` when that has ended."""
        if not self.process:
            raise ValueError(f"{self.kind} {self.name} is no container")
        try:
            self.process.check()
        except Ended:
            if not self.process.alive() and self._runs_again():
                raise Ended(f"{self.process.name} was restarted, which ends its ports and its services") from None
            raise
        return self.process

    def _runs_again(self) -> bool:
        labels = [f"{LABEL}={self.namespace.lab}", f"{NODE_LABEL}={self.name}"]
        return bool(engine().api.containers(filters={"label": labels}))

    def ended(self) -> bool:
        """Tell whether the node has ended, while its lab runs on."""
        try:
            self.namespace.check()
        except Ended:
            return not (self.process and self.process.alive())  # what is paused has not ended
        return False

    def exec(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        input: str | None = None,  # noqa: A002  (the name subprocess.run gives it)
        timeout: float = 60.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run *argv* in the node; raise ``CalledProcessError`` when *check* and the exit code is not 0."""
        return subprocess.run(
            self.command(argv),
            check=check,
            env=self.environment(),
            input=input,
            timeout=timeout,
            capture_output=True,
            text=True,
        )

    def environment(self) -> dict[str, str]:
        """Return the environment of what runs in the node; it has the lab's id."""
        own = {"PATH": PATH, "HOME": "/root"} if self.process else dict(os.environ)
        return {**own, LAB_VARIABLE: self.namespace.lab}

    def described(self) -> dict[str, Any]:
        """Return the node as JSON values; ``of`` reads them."""
        return {
            "name": self.name,
            "kind": self.kind,
            "namespace": self.namespace.path,
            "process": self.process.described() if self.process else None,
            "ports": dict(self.ports),
            "address": self.address,
        }

    @classmethod
    def of(cls, lab: str, described: Mapping[str, Any]) -> Node:
        """Return the node that :meth:`described` wrote down."""
        kept = described.get("process")
        process = Process.from_description(kept) if kept else None
        return cls(
            described["name"],
            described["kind"],
            Namespace.of(process, lab) if process else Namespace(described["namespace"], lab),
            process,
            described["ports"],
            described["address"],
        )
