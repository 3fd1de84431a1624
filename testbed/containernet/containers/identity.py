"""User, groups and working directory of a command in a container: those that ``docker exec`` would give it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.host.process import Process

ROOT = 0
SETPRIV = "/usr/bin/setpriv"  # by its path: the container's PATH is in force when it is looked up
SHELL_PLACES = ("bin/bash", "usr/bin/bash", "usr/local/bin/bash", "bin/sh", "usr/bin/sh", "bin/ash")


@dataclass(frozen=True)
class Identity:
    """The user that an image names, its groups, home and working directory."""

    user: int = ROOT
    group: int = ROOT
    groups: tuple[int, ...] = ()
    home: str = "/root"
    directory: str = ""

    @classmethod
    def of(cls, process: Process, config: Mapping[str, Any]) -> Identity:
        """Return the identity of the container with the init process *process* and the inspected *config*."""
        directory = config.get("WorkingDir") or ""
        if not config.get("User"):
            return cls(home=_home(process, ROOT), directory=directory)
        fields = dict(line.split(":", 1) for line in process.read("status").splitlines())
        user, group = int(fields["Uid"].split()[0]), int(fields["Gid"].split()[0])
        groups = tuple(int(each) for each in fields["Groups"].split())
        return cls(user, group, groups, _home(process, user), directory)

    def options(self) -> list[str]:
        """Return the options of ``nsenter``."""
        return [
            *([f"--wdns={self.directory}"] if self.directory not in ("", "/") else []),
            *([f"--setuid={self.user}"] if self.user != ROOT else []),
        ]

    def before(self) -> list[str]:
        """Return the command in front of ``nsenter`` that sets the groups: nsenter can only drop them."""
        if self.user == ROOT and not self.groups:
            return []
        groups = ",".join(map(str, self.groups or (self.group,)))
        return [SETPRIV, f"--regid={self.group}", f"--groups={groups}"]


def shell_of(process: Process) -> str | None:
    """Return the shell that the container with the init process *process* has; bash where there is one."""
    root = f"{process.proc}/root"  # a link in it would be followed on this side, so it is not
    return next((f"/{place}" for place in SHELL_PLACES if os.path.lexists(f"{root}/{place}")), None)


def _home(process: Process, user: int) -> str:
    passwd = Path(f"{process.proc}/root/etc/passwd")
    try:
        lines = [] if passwd.is_symlink() else passwd.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    entries = [line.split(":") for line in lines]
    return next((entry[5] or "/" for entry in entries if len(entry) > 5 and entry[2] == str(user)), "/")
