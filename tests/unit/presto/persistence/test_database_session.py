"""A PostgreSQL database belongs to one server, also when the database was away meanwhile."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Connection, text

from common.database import DatabaseError, new_engine
from orchestrator.model import StoreError
from presto.persistence.database_lock import DatabaseLock
from presto.web.server import BackgroundServer, build_app
from testbed.polling import poll

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
# As when the database server was started anew.
END_SESSIONS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid()"
)


@pytest.fixture
def holder(database_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the lock."""
    program = (
        "import sys, time; from presto.persistence.database_lock import DatabaseLock; "
        "DatabaseLock(sys.argv[1]).acquire(); print(flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", program, database_url], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    engine = new_engine(database_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_a_second_server_is_refused(sites: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("presto.persistence.database_lock.WAIT_SECONDS", 0.1)
    told = r"another server works on the database test_\d+ \(session \d+ from this machine\)"
    with BackgroundServer(build_app(sites, database_url)), pytest.raises(StoreError, match=told):
        build_app(sites, database_url)
    with BackgroundServer(build_app(sites, database_url)):
        pass


def test_a_lock_ends_with_its_process(database_url: str, holder: subprocess.Popen[bytes]) -> None:
    lock = DatabaseLock(database_url)
    with pytest.raises(DatabaseError):
        lock.acquire(0.1)
    holder.kill()
    lock.acquire(10)
    lock.release()


def test_a_lock_that_broke_is_taken_anew_before_the_database_is_used(
    sites: Path, database_url: str, database: Connection
) -> None:
    with BackgroundServer(build_app(sites, database_url)) as server:
        database.execute(END_SESSIONS)
        assert httpx.get(f"{server.url}/presto-sdwan/v1/service").json() == []
        with pytest.raises(DatabaseError, match="another server works"):
            DatabaseLock(database_url).acquire(0.1)


def test_a_server_that_lost_its_lock_to_another_takes_no_order(
    sites: Path, database_url: str, database: Connection
) -> None:
    with BackgroundServer(build_app(sites, database_url)) as server:
        other = stolen(database, DatabaseLock(database_url))
        assert poll(lambda: status(server) == 503, 20), "its sessions end some time after they were told to"
        other.release()
        assert status(server) == 200


def status(server: BackgroundServer) -> int:
    """What a list of all services is answered with."""
    return httpx.get(f"{server.url}/presto-sdwan/v1/service").status_code


def stolen(database: Connection, other: DatabaseLock) -> DatabaseLock:
    """The lock of another, who was quicker than the server after its sessions had ended."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:  # how often the server is quicker depends on what else the machine does
        database.execute(END_SESSIONS)
        with suppress(DatabaseError):
            other.acquire(0)
            return other
    raise AssertionError("the server was quicker each time")
