"""The database behind a URL: how it is opened, and how its tables come to the revision that this program knows.

Every package that keeps state here has a `Schema`: tables, a folder of Alembic revisions, and a table of its own that
holds the revision. So several of them live in one database and none knows of the others.
"""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from common.json_text import json_text, json_value


class DatabaseError(Exception):
    """The database cannot be used: its URL is wrong, or its tables are not those of this program."""


WRITES = "lso_writes"
"""Execution option of connections whose transactions write."""

CONNECTION_ERRORS = (OperationalError, InterfaceError, PoolTimeout)
"""What SQLAlchemy raises when the database does not answer: it is down, cut off, full or locked for too long."""

_BUSY_MILLISECONDS = 10_000
_CONNECT_SECONDS = 5
_LAST_PORT = 65535
_UPGRADE_LOCK = 0x6C736F  # any number that nobody else takes; one for all schemas of a database


@dataclass(frozen=True)
class Schema:
    """The tables of a package and the folder of the revisions that make them."""

    name: str
    metadata: MetaData
    revisions: Path

    @property
    def version_table(self) -> str:
        """The table that says which revision the database is at."""
        return f"{self.name}_revision"


@dataclass(frozen=True)
class Upgrade:
    """What was done to the tables of a schema; `before` is None where there were none."""

    schema: str
    before: str | None
    after: str

    def __str__(self) -> str:
        if self.before is None:
            return f"made the {self.schema} tables at revision {self.after}"
        return f"upgraded the {self.schema} tables from revision {self.before} to {self.after}"


def address_of(url: str) -> URL:
    """The parts of a SQLAlchemy URL. Raises DatabaseError or ArgumentError (SQLAlchemy) when it is none."""
    try:
        address = make_url(url)
        possible = address.port is None or 0 < address.port <= _LAST_PORT
    except ValueError:
        possible = False
    if not possible:  # it is not shown: where the host is left out, the password stands there
        form = "postgresql+psycopg://USER:PASSWORD@HOST:PORT/NAME"
        raise DatabaseError(
            f"cannot open the database: the port in its URL is no number from 1 to {_LAST_PORT} ({form})"
        ) from None
    if address.get_backend_name() == "sqlite" and address.database in {None, "", ":memory:"}:
        raise DatabaseError(
            "cannot open the database: SQLite keeps it in a file: write sqlite:////PATH, or the path alone"
        )
    return address


def new_engine(url: str) -> Engine:
    """An engine for a SQLAlchemy URL. A SQLite file is readable by its owner only, because it holds keys.

    Raises DatabaseError for a URL that cannot be one, and what SQLAlchemy raises.
    """
    address = address_of(url)
    try:
        return _engine(address)
    except ValueError:
        text = "cannot open the database: an option in its URL has a value of the wrong kind"
        raise DatabaseError(text) from None


def _engine(address: URL) -> Engine:
    documents = {"json_serializer": json_text, "json_deserializer": json_value}
    # Parameters hold keys: an error message of the driver must not repeat them.
    if address.get_backend_name() != "sqlite":
        connect = {"connect_timeout": _CONNECT_SECONDS} if address.get_backend_name() == "postgresql" else {}
        return create_engine(
            address,
            hide_parameters=True,
            **documents,
            pool_pre_ping=True,
            pool_timeout=_CONNECT_SECONDS,
            connect_args=connect,
        )
    engine = create_engine(address, hide_parameters=True, **documents)
    if address.database:
        _make_private(Path(address.database))
        _watch(engine, Path(address.database))
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _watch(engine: Engine, path: Path) -> None:
    """Have nothing done in a file that is no longer where it was: what is written there is lost with the process.

    An open connection does not notice, and a new one would make an empty file in its place.
    """
    before = _identity(path)

    def check(*_of_the_event: object) -> None:
        if _identity(path) != before:
            reason = f"the file {path} has been removed or replaced while it was in use"
            raise OperationalError("", None, sqlite3.OperationalError(reason))

    for moment in ("do_connect", "begin", "commit"):
        event.listen(engine, moment, check)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def upgrade(engine: Engine, schema: Schema) -> Upgrade | None:
    """Bring the tables to the newest revision; None when they were there.

    Two programs that do this at once wait for each other. Raises DatabaseError for a database that this program
    does not know, and what SQLAlchemy raises.
    """
    config = Config(attributes={"schema": schema})
    config.set_main_option("script_location", str(schema.revisions).replace("%", "%%"))
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        before, after = _here(connection, schema), _newest(config, schema)
        if before == after:
            return None
        _check_known(connection, config, schema, before)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return Upgrade(schema.name, before, after)


def run_revisions() -> None:
    """What the `env.py` of a folder of revisions does: run them on the connection of `upgrade`, in its transaction."""
    from alembic import context  # noqa: PLC0415  (exists only while Alembic runs an env.py)

    schema: Schema = context.config.attributes["schema"]
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=schema.metadata,
        version_table=schema.version_table,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _here(connection: Connection, schema: Schema) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": schema.version_table})
    return context.get_current_revision()


def _newest(config: Config, schema: Schema) -> str:
    head = ScriptDirectory.from_config(config).get_current_head()
    if head is None:
        raise DatabaseError(f"there are no revisions of the {schema.name} tables in {schema.revisions}")
    return head


def _check_known(connection: Connection, config: Config, schema: Schema, here: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if here is not None and here not in known:
        raise DatabaseError(
            f'the {schema.name} tables of the database are at revision "{here[:40]}", which this version does not '
            "know: a newer version has written it. Use that version, or another database"
        )
    found = sorted({*inspect(connection).get_table_names()} & {*schema.metadata.tables})
    if here is None and found:
        raise DatabaseError(
            f"the database has tables that no revision of ours has made ({', '.join(found)}). "
            "Use another database, or move these away"
        )


def _make_private(path: Path) -> None:
    # Before SQLite opens it: its journals take over the mode of the file.
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads before it writes must hold the file from its start: it cannot wait for it later.
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
    # Nothing beside the file: a full temporary folder would else undo transactions, with words that lead astray.
    settings = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", "temp_store=MEMORY")
    for pragma in (f"busy_timeout={_BUSY_MILLISECONDS}", *settings):
        connection.execute(f"PRAGMA {pragma}")
