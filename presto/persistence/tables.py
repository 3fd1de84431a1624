"""The tables of the store, and the engine that opens them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, DateTime, Engine, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common.database import Schema, new_engine, upgrade
from presto import migrations
from presto.persistence.tenancy import Owned

log = logging.getLogger(__name__)


class Base(DeclarativeBase):
    """All tables of the API's state."""


SCHEMA = Schema("presto", Base.metadata, Path(migrations.__file__).parent)


class ServiceRow(Owned, Base):
    """One service; `document` is the ordered SWVC, `end_points` how the last work ended at each.

    A name is unique for its tenant.
    """

    __tablename__ = "presto_services"
    __table_args__ = (UniqueConstraint("tenant", "name"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(53), index=True)
    state: Mapped[str] = mapped_column(String(20), index=True)
    generation: Mapped[int]
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    changed: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    error: Mapped[str | None]
    document: Mapped[Any] = mapped_column(JSON)
    end_points: Mapped[Any] = mapped_column(JSON)


@dataclass(frozen=True)
class NewService:
    """A service to be stored for the first time, by the columns of `ServiceRow`."""

    id: str
    tenant: str
    name: str
    state: str
    generation: int
    created: datetime
    changed: datetime
    error: str | None
    document: Mapping[str, Any]
    end_points: Mapping[str, Any]


class ClaimRow(Base):
    """The service that a UNI or a WAN port belongs to, by the id of either: at most one, kept so by the key.

    One that a change takes out of a service stays claimed until the change has been carried out.
    """

    __tablename__ = "presto_claims"

    uni: Mapped[str] = mapped_column(String(64), primary_key=True)
    service: Mapped[str] = mapped_column(ForeignKey("presto_services.id", ondelete="CASCADE"), index=True)


class CredentialsRow(Base):
    """The keys of a service: secret, and never part of an answer."""

    __tablename__ = "presto_credentials"

    service: Mapped[str] = mapped_column(ForeignKey("presto_services.id", ondelete="CASCADE"), primary_key=True)
    document: Mapped[Any] = mapped_column(JSON)


class DeployedRow(Base):
    """A change of a service that was carried out.

    `generation` is the orchestrator's number for the work, which is in the cookies of rules.
    """

    __tablename__ = "presto_deployed"

    service: Mapped[str] = mapped_column(ForeignKey("presto_services.id", ondelete="CASCADE"), primary_key=True)
    change: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    generation: Mapped[int]


class LockedUniRow(Base):
    """A UNI, or another resource that is enrolled, that is administratively locked; for good since `ended`.

    `tenant` is whose alone a UNI is.
    """

    __tablename__ = "presto_locked_unis"

    uni: Mapped[str] = mapped_column(String(64), primary_key=True)
    ended: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    tenant: Mapped[str] = mapped_column(String(64), default="", server_default="")


def database_url(database: str) -> str:
    """A SQLAlchemy URL as it is; anything else is the path of a SQLite file."""
    return database if "://" in database else f"sqlite:///{Path(database).absolute()}"


def orchestrator_url(engine: Engine) -> str:
    """The database of the orchestrator that works for the API of this one.

    It is the same; but a SQLite file has one writer at a time, so the orchestrator gets a file of its own beside it.
    """
    address = engine.url
    if address.get_backend_name() == "sqlite" and address.database:
        file = Path(address.database)
        address = address.set(database=str(file.with_name(f"{file.stem}.orchestrator{file.suffix}")))
    return address.render_as_string(hide_password=False)


def open_engine(database: str, say: Callable[[str], object] = log.info) -> Engine:
    """Open the database and bring its tables to our revision; `say` is told when that changed anything.

    Raises DatabaseError for the database of a newer version, and what SQLAlchemy raises.
    """
    engine = new_engine(database_url(database))
    done = upgrade(engine, SCHEMA)
    if done:
        say(f"database: {done}")
    return engine


def utc(moment: datetime) -> datetime:
    """SQLite keeps no zone, PostgreSQL tells moments in the zone of its session; everything that is stored is UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
