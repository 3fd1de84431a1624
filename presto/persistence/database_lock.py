"""One server works on a database: two would carry out the same orders.

On a SQLite file the lock is the kernel's (`flock`) on a file beside it, so it ends with the process that holds it,
however that ends. It is not on the database itself: there SQLite has locks of its own, which a process loses when it
closes any of its descriptors of that file. In PostgreSQL it is an advisory lock, which ends with the session that holds
it. A session that broke is made anew before any other connection is.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Connection, Engine, event, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from common.database import DatabaseError, address_of, new_engine
from presto.persistence.tables import database_url

WAIT_SECONDS = 3.0
"""Seconds for the processes of a server that was killed just now to end."""

_LOOK_EVERY = 0.05
_KEY = 0x6C736F31  # any number that nobody else takes
_TAKE = text("SELECT pg_try_advisory_lock(:key)").bindparams(key=_KEY)
_HOLDER = text(
    "SELECT pid, coalesce(host(client_addr), 'this machine') FROM pg_locks JOIN pg_stat_activity USING (pid) "
    "WHERE locktype = 'advisory' AND objid = :key AND granted AND database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())"
).bindparams(key=_KEY)


class _Lock(Protocol):
    def taken(self) -> bool: ...
    def holder(self) -> str: ...
    def kept(self) -> bool: ...
    def release(self) -> None: ...


class DatabaseLock:
    """Says that this server works on the database of a URL or path."""

    def __init__(self, database: str) -> None:
        address = address_of(database_url(database))
        sqlite = address.get_backend_name() == "sqlite"
        self._name = os.path.realpath(address.database or "") if sqlite else str(address.database)
        self._lock: _Lock = _FileLock(Path(f"{self._name}.lock")) if sqlite else _SessionLock(address)

    def acquire(self, seconds: float = WAIT_SECONDS) -> None:
        """Hold it. Raises DatabaseError when another server does, OSError or SQLAlchemyError when nobody can tell."""
        deadline = time.monotonic() + seconds
        while not self._lock.taken():
            if time.monotonic() > deadline:
                holder = self._lock.holder()
                self.release()
                raise DatabaseError(
                    f"another server works on the database {self._name} ({holder}). "
                    "Stop it, or give this one a database of its own with --database"
                )
            time.sleep(_LOOK_EVERY)

    def release(self) -> None:
        """Let go of it."""
        self._lock.release()

    def release_with(self, engine: Engine) -> None:
        """Let go of it when the engine is given up; no connection is made by the engine without it."""

        def check(*_of_the_event: object) -> None:
            if not self._lock.kept():
                reason = f"another server works on it by now ({self._lock.holder()})"
                raise OperationalError("", None, ConnectionError(reason))

        event.listen(engine, "do_connect", check)
        event.listen(engine, "engine_disposed", lambda _engine: self.release())


class _FileLock:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def taken(self) -> bool:
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        return True

    def holder(self) -> str:
        told = os.pread(self._descriptor, 20, 0).decode(errors="replace").strip() if self._descriptor else ""
        return f"process {told or 'unknown'}"

    def kept(self) -> bool:
        """The kernel takes it from nobody."""
        return True

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class _SessionLock:
    def __init__(self, address: URL) -> None:
        self._address = address
        self._session: Connection | None = None
        self._held = False
        self._alone = threading.Lock()

    def taken(self) -> bool:
        if self._session is None:
            url = self._address.render_as_string(hide_password=False)
            self._session = new_engine(url).connect().execution_options(isolation_level="AUTOCOMMIT")
        taken = bool(self._session.scalar(_TAKE))
        self._held = self._held or taken
        return taken

    def holder(self) -> str:
        found = self._session.execute(_HOLDER).first() if self._session else None
        return f"session {found[0]} from {found[1]}" if found else "unknown"

    def kept(self) -> bool:
        """Whether the session holds it still, or a new one does."""
        with self._alone:
            if not self._held or self._answers():
                return True
            self._end()
            return self.taken()

    def _answers(self) -> bool:
        with suppress(SQLAlchemyError):
            return self._session is not None and self._session.scalar(text("SELECT 1")) == 1
        return False

    def release(self) -> None:
        with self._alone:
            self._held = False
            self._end()

    def _end(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with suppress(SQLAlchemyError):
                session.close()
            session.engine.dispose()
