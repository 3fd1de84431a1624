"""Take the snapshot of one uCPE: programs run in its network namespace while its files and sockets are read."""

from __future__ import annotations

from testbed.ucpe_view.container_access import ContainerAccess
from testbed.ucpe_view.snapshot import daemons, database, engine, files, mounts, processes, sockets
from testbed.ucpe_view.snapshot.kernel import Asking
from testbed.ucpe_view.snapshot.model import Snapshot


def take(access: ContainerAccess, bridge: str) -> Snapshot:
    """Return all that can be left behind on the uCPE, without what moves by itself.

    Raises ``Ended`` when the uCPE has ended, and ``ViewError`` when something of it cannot be read.
    """
    asking = Asking.start(access.process, bridge)
    try:
        read = {
            "Open vSwitch": database.read(access.process),
            "Open vSwitch daemons": daemons.read(access.process),
            **engine.read(access),
        }
        with access.process.opened() as folder:
            mounted = mounts.parse(access.process.read("mountinfo"))
            found = processes.running(folder)
            written = files.read(folder, mounted)
        return {  # what tells most comes first
            **read,
            "processes": processes.as_part(found),
            "sockets": sockets.read(access.process, found),
            "network namespaces": processes.namespaces(found, mounted),
            "mounts": mounts.as_part(mounted),
            **asking.answers(),
            "files": written,
        }
    finally:
        asking.end()
