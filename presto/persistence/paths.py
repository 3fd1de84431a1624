"""Paths between two UNIs, as computed: each leads over one underlay. Kept until they are forgotten."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, count
from threading import Lock
from typing import Any
from uuid import UUID, uuid4, uuid5

from sqlalchemy import JSON, DateTime, Engine, ForeignKey, String, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from common.database import WRITES
from common.findings import Ambiguous, Finding, Rejected, Tag
from presto.domain.credentials import utc_now
from presto.persistence.idempotency import KeyedRequest, store_request
from presto.persistence.tables import Base
from presto.persistence.tenancy import Owned, owner

MAX_COMPUTATIONS = 1000
"""Computations that are kept for a tenant, or for the operator: nothing else bounds what clients store by asking."""


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


@dataclass(frozen=True)
class Path:
    """A way over an underlay; in one computation it has the same id whenever it is found again."""

    id: str
    underlay: str


@dataclass(frozen=True)
class Computation:
    """The paths from one UNI to another, best first; `document` is what was asked for."""

    id: str
    name: str
    near: str
    far: str
    document: Mapping[str, Any]
    paths: tuple[Path, ...] = ()


class PathStore:
    """Computations behind an open engine. Every method is one transaction and may be called from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**{WRITES: True})
        # A free name, and room, must still be there when they are taken.
        self._adding = Lock()

    def add(
        self,
        name: str,
        near: str,
        far: str,
        document: Mapping[str, Any],
        underlays: Sequence[str],
        request: KeyedRequest | None = None,
    ) -> Computation:
        """Keep a new computation; a name that is taken gets a number. Raises Rejected when its owner has too many."""
        with self._adding, Session(self._writer) as session, session.begin():
            own = select(PathComputationRow.name).where(PathComputationRow.tenant == owner())
            taken = frozenset(session.scalars(own))
            if len(taken) >= MAX_COMPUTATIONS:
                message = f"All {MAX_COMPUTATIONS} places for path computations are in use"
                raise Rejected([Finding(Tag.IN_USE, (), message, "Delete those that are not needed.")])
            found = _over(Computation(str(uuid4()), _free_name(name, taken), near, far, document), underlays)
            session.add(
                PathComputationRow(
                    id=found.id,
                    tenant=owner(),
                    name=found.name,
                    near=near,
                    far=far,
                    created=utc_now(),
                    document=dict(document),
                )
            )
            session.flush()
            _write(session, found)
            store_request(session.connection(), request)
        return found

    def find(self, wanted: str) -> Computation | None:
        """The computation of that id or name, or the one that has the path of that id. Raises Ambiguous."""
        with Session(self._engine) as session:
            row = _row(session, wanted)
            return _computation(session, row) if row else None

    def underlays(self, path_ids: Sequence[str]) -> dict[str, str]:
        """Path id → underlay, of those paths that are kept."""
        with Session(self._engine) as session:
            rows = session.scalars(select(PathRow).join(PathComputationRow).where(PathRow.id.in_(path_ids)))
            return {row.id: row.underlay for row in rows}

    def renew(
        self, computation: Computation, underlays: Sequence[str], request: KeyedRequest | None = None
    ) -> Computation | None:
        """Keep what a computation came to now; None when it was forgotten meanwhile."""
        found = _over(computation, underlays)
        with Session(self._writer) as session, session.begin():
            row = session.get(PathComputationRow, found.id, with_for_update=True)
            if row is None:
                return None
            row.document = dict(found.document)
            _write(session, found)
            store_request(session.connection(), request)
        return found

    def forget(self, wanted: str, request: KeyedRequest | None = None) -> Computation | None:
        """Forget a computation, or the one path of that id, and the computation with its last. Returns what is gone.

        Raises Ambiguous when it is the name of several.
        """
        with Session(self._writer) as session, session.begin():
            row = _row(session, wanted)
            if row is None:
                return None
            session.refresh(row, with_for_update=True)
            store_request(session.connection(), request)
            found = _computation(session, row)
            gone = tuple(path for path in found.paths if path.id == wanted)
            if gone and len(found.paths) > len(gone):
                session.execute(delete(PathRow).where(PathRow.id == wanted))
                return replace(found, paths=gone)
            session.delete(row)
            return found


def _over(computation: Computation, underlays: Sequence[str]) -> Computation:
    paths = tuple(Path(str(uuid5(UUID(computation.id), name)), name) for name in underlays)
    return replace(computation, paths=paths)


def _row(session: Session, wanted: str) -> PathComputationRow | None:
    by_name = select(PathComputationRow).where(PathComputationRow.name == wanted)
    by_path = select(PathComputationRow).join(PathRow).where(PathRow.id == wanted)
    if row := session.get(PathComputationRow, wanted):
        return row
    rows = session.scalars(by_name.order_by(PathComputationRow.created, PathComputationRow.id)).all()
    if len(rows) > 1:
        raise Ambiguous(("path",), "path computations", wanted, (row.id for row in rows))
    return rows[0] if rows else session.scalar(by_path)


def _computation(session: Session, row: PathComputationRow) -> Computation:
    paths = session.scalars(select(PathRow).where(PathRow.computation == row.id).order_by(PathRow.position))
    found = tuple(Path(path.id, path.underlay) for path in paths)
    return Computation(row.id, row.name, row.near, row.far, row.document, found)


def _write(session: Session, computation: Computation) -> None:
    session.execute(delete(PathRow).where(PathRow.computation == computation.id))
    session.add_all(
        PathRow(id=path.id, computation=computation.id, position=number, underlay=path.underlay)
        for number, path in enumerate(computation.paths)
    )


def _free_name(name: str, taken: Collection[str]) -> str:
    numbered = (f"{name}-{number}" for number in count(2))
    return next(free for free in chain([name], numbered) if free not in taken)
