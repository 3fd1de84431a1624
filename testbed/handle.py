"""A node of a running lab, as seen by whoever uses it; the same for the lab's owner and for a process that attaches."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from testbed.containernet.container import container_argv
from testbed.namespace import Namespace

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Node:
    """One node: *kind* is ``ucpe``, ``host``, ``underlay`` or ``lan``.

    *pid* is a uCPE's first process, 0 for nodes that are only a namespace. *ports* maps, on an underlay or a LAN, each
    neighbour to the bridge's interface towards it.
    """

    name: str
    kind: str
    namespace: Namespace
    pid: int = 0
    ports: Mapping[str, str] = field(default_factory=dict)
    address: str = ""

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return the argument list that runs *argv* in the node from outside."""
        return container_argv(self.pid, list(argv)) if self.pid else self.namespace.command(argv)

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
        """Return the environment of what runs in the node; it carries the lab's mark."""
        own = {"PATH": PATH, "HOME": "/root"} if self.pid else dict(os.environ)
        return {**own, "LSO_LAB": self.namespace.lab}

    def described(self) -> dict[str, Any]:
        """Return the node as JSON values; ``of`` reads them."""
        return {
            "name": self.name,
            "kind": self.kind,
            "namespace": self.namespace.path,
            "pid": self.pid,
            "ports": dict(self.ports),
            "address": self.address,
        }

    @classmethod
    def of(cls, lab: str, described: Mapping[str, Any]) -> Node:
        """Return the node that :meth:`described` wrote down."""
        return cls(
            described["name"],
            described["kind"],
            Namespace(described["namespace"], lab),
            described["pid"],
            described["ports"],
            described["address"],
        )
