"""Databases for tests: SQLite files, and those of a real PostgreSQL server that lives as long as its worker."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from .workers import (  # noqa: F401  # hooks
    pytest_collection_modifyitems,
    pytest_runtest_protocol,
    pytest_sessionfinish,
    pytest_xdist_auto_num_workers,
    pytest_xdist_make_scheduler,
)

os.environ["LSO_CATALOGUE"] = os.devnull  # what somebody has added to this machine is no part of the tests

# A shell without job control starts `pytest &` with both ignored; what the tests start would inherit that.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGQUIT, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

USER = "postgres"
"""Nobody but an unprivileged user may run the server: the package's own, when the tests run as root."""


class PostgreSql:
    """A throw-away cluster on a Unix socket in a folder that only its user and root can enter."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="lso-postgresql-"))
        self._numbers = itertools.count()
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """Make the cluster. Its time zone is far from UTC, so that a moment without its zone is seen."""
        if os.geteuid() == 0:
            shutil.chown(self._folder, USER, USER)
        initdb = (self._programs / "initdb", "--auth=trust", "--username=lso", "--encoding=UTF8", "--locale=C.UTF-8")
        self._run(*initdb, "--no-sync", "--pgdata", self._folder / "data").check_returncode()

    def start(self) -> None:
        """Start the server and wait until it answers. It dies with the test run."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._folder),
            "timezone": "Asia/Kolkata",
            "fsync": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = self._as_user(self._programs / "postgres", "-D", self._folder / "data", *options)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "log").read_text(encoding="utf-8")
            assert time.monotonic() < deadline, "the PostgreSQL server does not answer"
            time.sleep(0.05)

    @property
    def running(self) -> bool:
        """Whether the server was started and not stopped since."""
        return self._process is not None

    def stop(self) -> None:
        """Stop the server at once, as if it had crashed; its databases stay."""
        if self._process:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None

    def remove(self) -> None:
        """Leave nothing."""
        self.stop()
        shutil.rmtree(self._folder)

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"test_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://lso@/{name}?host={self._folder}"

    def drop(self, url: str) -> None:
        """Forget a database and whoever is still connected to it."""
        self._execute(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(host=str(self._folder), user="lso", dbname="postgres", autocommit=True) as connection:
            connection.execute(statement)

    def _answers(self) -> bool:
        try:
            self._execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, *command: str | Path) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(self._as_user(*command), cwd=self._folder, stdout=subprocess.DEVNULL, check=False)

    @staticmethod
    def _as_user(*command: str | Path) -> list[str]:
        user = [f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if os.geteuid() == 0 else []
        return ["setpriv", *user, "--pdeathsig=QUIT", *map(str, command)]


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSql]:
    """A PostgreSQL server of the distribution's package, with a cluster of its own."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        pytest.skip("no PostgreSQL server is installed: ./setup.sh installs the package postgresql")
    server = PostgreSql(found[-1].parent)
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database: SQLite, or what `parametrize(…, indirect=True)` says."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield f"sqlite:///{tmp_path / 'lso.db'}"
        return
    server: PostgreSql = request.getfixturevalue("postgresql_server")
    url = server.new_database()
    yield url
    server.drop(url)
