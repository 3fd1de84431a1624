"""The tables of computed paths; they stand in the same database as the services."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from presto.persistence.tables import Base
from presto.persistence.tenancy import Owned


class PathComputationRow(Owned, Base):
    """One computation: `near` and `far` are UNI ids, `document` is what was asked for; a name is its tenant's."""

    __tablename__ = "presto_path_computations"
    __table_args__ = (UniqueConstraint("tenant", "name"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(160))
    near: Mapped[str] = mapped_column(String(64))
    far: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    document: Mapped[Any] = mapped_column(JSON)


class PathRow(Base):
    """One path of a computation, in order of preference."""

    __tablename__ = "presto_paths"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    computation: Mapped[str] = mapped_column(ForeignKey("presto_path_computations.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    underlay: Mapped[str] = mapped_column(String(64))
