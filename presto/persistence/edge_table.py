"""The table of enrolled uCPEs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from presto.persistence.tables import Base


class EdgeRow(Base):
    """A uCPE that was enrolled at run time, with its UNIs. `tls` holds PEM texts, one of them a private key: secret."""

    __tablename__ = "presto_edges"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    ucpe: Mapped[Any] = mapped_column(JSON)
    unis: Mapped[Any] = mapped_column(JSON)
    tls: Mapped[Any] = mapped_column(JSON)
