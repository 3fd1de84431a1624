"""One server works on a SQLite file: two would carry out the same orders.

The lock is the kernel's (`flock`) on a file beside the database, so it ends with the process that holds it, however
that ends. It is not on the database itself: there SQLite has locks of its own, which a process loses when it closes any
of its descriptors of that file.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from sqlalchemy import Engine, event

from common.database import DatabaseError, address_of
from presto.persistence.tables import database_url

PATIENCE = 3.0
"""Seconds for the processes of a server that was killed just now to end."""

_LOOK_EVERY = 0.05


class DatabaseLock:
    """Says that this server works on the database of a URL or path; nothing to hold where that is no SQLite file."""

    def __init__(self, database: str) -> None:
        address = address_of(database_url(database))
        local = address.get_backend_name() == "sqlite" and address.database
        self._path = Path(f"{os.path.realpath(local)}.lock") if local else None
        self._descriptor: int | None = None

    def acquire(self, patience: float = PATIENCE) -> None:
        """Hold it. Raises DatabaseError when another server does, OSError when there can be no file."""
        if self._path is None:
            return
        self._descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + patience
        while not _locked(self._descriptor):
            if time.monotonic() > deadline:
                holder = os.pread(self._descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
                self.release()
                raise DatabaseError(
                    f"another server works on the database {str(self._path).removesuffix('.lock')} (process {holder}). "
                    "Stop it, or give this one a database of its own with --database"
                )
            time.sleep(_LOOK_EVERY)
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let go of it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def release_with(self, engine: Engine) -> None:
        """Let go of it when the engine is given up."""
        event.listen(engine, "engine_disposed", lambda _engine: self.release())


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
