"""What the daemons of a uCPE's Open vSwitch have beside their database and rules, asked at their control sockets.

``ovs-appctl`` asks the same (ovs-appctl(8)).
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from testbed.host.process import Process
from testbed.ucpe_view.container_access import ViewError
from testbed.ucpe_view.snapshot.json_rpc import Connection
from testbed.ucpe_view.snapshot.model import Details, Part, part

FOLDER = "run/openvswitch"
QUESTIONS = {
    "ovsdb-server": ("vlog/list", "ovsdb-server/list-dbs", "ovsdb-server/list-remotes"),
    "ovs-vswitchd": ("vlog/list", "ovs/route/show"),
}
Item = tuple[str, Details]


def read(process: Process) -> Part:
    """Return what the daemons of the uCPE with the init process *process* have; ``ViewError`` when one is silent."""
    return part(item for daemon, commands in QUESTIONS.items() for item in _daemon(process, daemon, commands))


def _daemon(process: Process, daemon: str, commands: tuple[str, ...]) -> Iterator[Item]:
    with Connection(process, _socket(process, daemon), daemon) as connection:
        for command in commands:
            yield from items(daemon, command, connection.call(command, []))


def items(daemon: str, command: str, told: str) -> Iterator[Item]:
    """Yield the things in what *daemon* told when it was asked *command*."""
    lines = told.splitlines()
    if command == "vlog/list":
        rows = [line.split() for line in lines[2:]]  # below the heads of the columns: console, syslog, file
        yield f"log levels of {daemon}", {module: " ".join(levels) for module, *levels in rows}
        return
    kind = {"ovsdb-server/list-dbs": "database", "ovsdb-server/list-remotes": "remote"}.get(command, "route")
    for line in lines:
        # What the kernel routes is cached in the switch, and compared as the kernel's own routes.
        if kind != "route" or line.startswith("User:"):
            yield f"{kind} {' '.join(line.removeprefix('User:').split())} of {daemon}", {}


def _socket(process: Process, daemon: str) -> str:
    with process.opened() as folder:
        try:
            path = f"root/{FOLDER}/{daemon}.pid"
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except OSError as error:
            raise ViewError(f"the uCPE's {daemon} cannot be asked: {error}") from error
        with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
            return f"{FOLDER}/{daemon}.{file.read(20).strip()}.ctl"
