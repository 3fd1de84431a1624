"""The tables of the event log, and of what notifications need beside it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from presto.persistence.tables import Base
from presto.persistence.tenancy import Owned

Sequence = BigInteger().with_variant(Integer, "sqlite")
"""SQLite has one kind of whole number, and knows it as a key by this name only."""


class EventRow(Base):
    """One event. `object` is the id of the order or service that it is about, `item` the id of an order's item.

    `state` is the state that was reached, and the first one in events of creation; `service` is the id of the SWVC
    that the object belongs to, and `tenant` owns both.
    """

    __tablename__ = "presto_events"

    sequence: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String(36))
    time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    api: Mapped[str] = mapped_column(String(16))
    type: Mapped[str] = mapped_column(String(40))
    object: Mapped[str] = mapped_column(String(64))
    item: Mapped[str | None]
    state: Mapped[str | None] = mapped_column(String(20))
    service: Mapped[str | None] = mapped_column(String(64))
    tenant: Mapped[str] = mapped_column(String(64), default="", server_default="")


class EventCounterRow(Base):
    """The sequence number of the last event, in one row: who takes the next one holds it until the end."""

    __tablename__ = "presto_event_counter"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int] = mapped_column(Sequence)


class DeadLetterRow(Owned, Base):
    """An event that a listener did not take: the body that was sent, how often, and why it was given up."""

    __tablename__ = "presto_dead_letters"

    listener: Mapped[str] = mapped_column(String(36), primary_key=True)
    sequence: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=False)
    api: Mapped[str] = mapped_column(String(16))
    callback: Mapped[str]
    body: Mapped[Any] = mapped_column(JSON)
    attempts: Mapped[int]
    reason: Mapped[str]
    time: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


class SigningKeyRow(Base):
    """A key that signs notifications: secret, and never part of an answer."""

    __tablename__ = "presto_signing_keys"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    private: Mapped[str]
