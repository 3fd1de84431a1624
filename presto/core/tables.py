"""The tables of the store, and the engine that opens them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Connection, DateTime, Engine, ForeignKey, String, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

WRITES = "presto_writes"
"""Execution option of connections whose transactions write."""


class Base(DeclarativeBase):
    """All tables of the API's state."""


class ServiceRow(Base):
    """One service; `document` is the ordered SWVC, `end_points` how the last work ended at each."""

    __tablename__ = "presto_services"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(53), unique=True)
    state: Mapped[str] = mapped_column(String(20), index=True)
    generation: Mapped[int]
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    changed: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    error: Mapped[str | None]
    document: Mapped[Any] = mapped_column(JSON)
    end_points: Mapped[Any] = mapped_column(JSON)


class ClaimRow(Base):
    """The service that a UNI belongs to: at most one, kept so by the key."""

    __tablename__ = "presto_claims"

    uni: Mapped[str] = mapped_column(String(64), primary_key=True)
    service: Mapped[str] = mapped_column(ForeignKey("presto_services.id", ondelete="CASCADE"), index=True)


class CredentialsRow(Base):
    """The keys of a service: secret, and never part of an answer."""

    __tablename__ = "presto_credentials"

    service: Mapped[str] = mapped_column(ForeignKey("presto_services.id", ondelete="CASCADE"), primary_key=True)
    document: Mapped[Any] = mapped_column(JSON)


class LockedUniRow(Base):
    """A UNI that is administratively locked."""

    __tablename__ = "presto_locked_unis"

    uni: Mapped[str] = mapped_column(String(64), primary_key=True)


def database_url(database: str) -> str:
    """A SQLAlchemy URL as it is; anything else is the path of a SQLite file."""
    return database if "://" in database else f"sqlite:///{Path(database).absolute()}"


def open_engine(database: str) -> Engine:
    """Open the database and make its tables. A SQLite file is readable by its owner only, because it holds keys."""
    url = make_url(database_url(database))
    # Parameters hold keys: an error message of the driver must not repeat them.
    engine = create_engine(url, hide_parameters=True)
    if url.get_backend_name() == "sqlite":
        if url.database and url.database != ":memory:":
            _make_private(Path(url.database))
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    Base.metadata.create_all(engine)
    return engine


def utc(moment: datetime) -> datetime:
    """SQLite keeps no zone; everything that is stored is UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


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
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")
