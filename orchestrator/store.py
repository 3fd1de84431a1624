"""State of the orchestrator in a database: services, their end points, and who has which placeholder address.

What is about to be done is written before a uCPE is touched, and what came of it afterwards, so a process that is
killed in between leaves a record of everything that it may have made. Plans hold private keys: the database file is
readable for its owner only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    ColumnElement,
    Engine,
    ForeignKey,
    UniqueConstraint,
    and_,
    delete,
    or_,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from common.database import CONNECTION_ERRORS, WRITES, DatabaseError, Schema, address_of, new_engine, upgrade
from orchestrator import migrations
from orchestrator.intent import Role
from orchestrator.model import StoreError, StoreUnavailable, UnknownService
from orchestrator.plan import PLACEHOLDERS, SitePlan, dump_plan, load_plan, service_prefix
from orchestrator.ucpe.execute import Record

PortKey = tuple[str, Role]
_WINDOW = 256
"""Placeholders that are looked at in one query."""

log = logging.getLogger(__name__)


class _Base(DeclarativeBase):
    type_annotation_map: ClassVar[dict[Any, Any]] = {dict[str, Any]: JSON(none_as_null=True)}


class ServiceRow(_Base):
    """A service and the generation of its last request."""

    __tablename__ = "services"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    generation: Mapped[int]
    deployments: Mapped[list[DeploymentRow]] = relationship(cascade="all, delete-orphan", order_by="DeploymentRow.ucpe")


class DeploymentRow(_Base):
    """An end point: `plan` was reached; `attempt` is set while a change is under way or ended unclean."""

    __tablename__ = "deployments"
    service_id: Mapped[str] = mapped_column(ForeignKey("services.id", ondelete="CASCADE"), primary_key=True)
    ucpe: Mapped[str] = mapped_column(primary_key=True, index=True)
    state: Mapped[str]
    error: Mapped[str | None]
    plan: Mapped[dict[str, Any] | None]
    attempt: Mapped[dict[str, Any] | None]


class PlaceholderRow(_Base):
    """A placeholder address in use, by number: the same port of the same VNF keeps it for its life."""

    __tablename__ = "placeholders"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    service_id: Mapped[str] = mapped_column(ForeignKey("services.id", ondelete="CASCADE"))
    ucpe: Mapped[str]
    vnf: Mapped[str]
    role: Mapped[str]
    __table_args__ = (UniqueConstraint("service_id", "ucpe", "vnf", "role"),)


SCHEMA = Schema("orchestrator", _Base.metadata, Path(migrations.__file__).parent)


@dataclass(frozen=True, slots=True)
class StoredService:
    """A service as it is recorded.

    `states` says of each uCPE how the last change there ended, or what is under way: `changing`, or `healing`.
    """

    id: str
    name: str
    generation: int
    records: Mapping[str, Record]
    states: Mapping[str, str]


CHANGING, HEALING = "changing", "healing"


class Store:
    """The database behind an SQLAlchemy URL: `sqlite:///<path>`, `postgresql+psycopg://…`. Methods block briefly.

    `say` is told when its tables were made or upgraded. Raises StoreError, StoreUnavailable while it does not answer.
    """

    def __init__(self, url: str, say: Callable[[str], object] = log.info) -> None:
        try:
            _make_folder(url)
            engine = new_engine(url)
            done = upgrade(engine, SCHEMA)
        except DatabaseError as error:
            raise StoreError(str(error)) from error
        except (SQLAlchemyError, OSError, ImportError) as error:
            kind = StoreUnavailable if isinstance(error, CONNECTION_ERRORS) else StoreError
            raise kind(f"cannot open the state database: {error}") from error
        if done:
            say(f"database: {done}")
        # What may write says so at its start: no transaction has to be repeated because it came to that too late.
        self._reader, self._engine = engine, engine.execution_options(**{WRITES: True})
        # Who finds a SQLite file busy sleeps before it tries again, longer each time; here the next follows at once.
        self._turn: AbstractContextManager[object] = Lock() if engine.dialect.name == "sqlite" else nullcontext()
        self._free_from = 0  # where to look for a free placeholder; those below are in use, or soon found anew

    def close(self) -> None:
        """Give up the connections."""
        self._engine.dispose()

    def services(self) -> tuple[StoredService, ...]:
        """All services, by id."""
        with self._transaction(self._reader) as session:
            return tuple(_stored(row) for row in session.scalars(select(ServiceRow).order_by(ServiceRow.id)))

    def carried(self, ucpe: str) -> tuple[str, ...]:
        """The names of the services of which something is, or may be, on that uCPE."""
        query = select(ServiceRow.name).join(DeploymentRow).where(DeploymentRow.ucpe == ucpe).order_by(ServiceRow.id)
        with self._transaction(self._reader) as session:
            return tuple(session.scalars(query))

    def ucpes(self) -> frozenset[str]:
        """Those of which something of a service is recorded."""
        with self._transaction(self._reader) as session:
            return frozenset(session.scalars(select(DeploymentRow.ucpe).distinct()))

    def on(self, ucpe: str) -> tuple[str, ...]:
        """The ids of the services of which something is recorded on that uCPE."""
        with self._transaction(self._reader) as session:
            return tuple(session.scalars(select(DeploymentRow.service_id).where(DeploymentRow.ucpe == ucpe)))

    def to_heal(self, service_id: str, ucpe: str) -> Record | None:
        """What a service shall have on a uCPE. None while it is changed or removed there, or when that was cut off.

        A change that could not be undone counts as none: what was reached before it is what shall be there.
        """
        with self._transaction(self._reader) as session:
            row = session.get(DeploymentRow, (service_id, ucpe))
            if row is None or row.plan is None or (row.attempt is not None and row.state == CHANGING):
                return None
            return Record(_plan(row.plan), _plan(row.attempt))

    def rivals(
        self, service_id: str, ucpes: Collection[str], within: Session | None = None
    ) -> tuple[StoredService, ...]:
        """The other services on these uCPEs, and those whose id starts with the same eight digits."""
        prefix = service_prefix(service_id)
        there = select(DeploymentRow.service_id).where(DeploymentRow.ucpe.in_(ucpes))
        query = select(ServiceRow).where(or_(ServiceRow.id.in_(there), ServiceRow.id.between(prefix, f"{prefix}g")))
        with self._transaction(self._reader, within) as session:
            rows = session.scalars(query.where(ServiceRow.id != service_id).order_by(ServiceRow.id))
            return tuple(_stored(row) for row in rows)

    def service(self, service_id: str) -> StoredService:
        """That service; raises UnknownService."""
        with self._transaction(self._reader) as session:
            return _stored(_row(session, service_id))

    def enter(self, service_id: str, name: str, within: Session | None = None) -> StoredService:
        """Record that a service is wanted, with a generation one higher than before (the first is 1)."""
        with self._transaction(within=within) as session:
            row = session.get(ServiceRow, service_id, with_for_update=True)
            if row is None:
                row = ServiceRow(id=service_id, name=name, generation=0)
                session.add(row)
            row.name = name
            row.generation += 1
            return _stored(row)

    def placeholders(
        self, service_id: str, ucpe: str, ports: Sequence[PortKey], within: Session | None = None
    ) -> dict[PortKey, int]:
        """The numbers of these ports' placeholders: those they have, and the lowest free ones for the others."""
        with self._transaction(within=within) as session:
            rows = session.scalars(select(PlaceholderRow).where(_at(PlaceholderRow, service_id, ucpe)))
            owner: dict[tuple[str, str], int] = {(row.vnf, row.role): row.number for row in rows}
            new = [port for port in ports if port not in owner]
            chosen = dict(zip(new, self._free(session, len(new)), strict=True))
            session.add_all(
                PlaceholderRow(number=number, service_id=service_id, ucpe=ucpe, vnf=vnf, role=role)
                for (vnf, role), number in chosen.items()
            )
            return {port: owner[port] if port in owner else chosen[port] for port in ports}

    def begin(
        self,
        service_id: str,
        attempts: Mapping[str, SitePlan | None],
        state: str = CHANGING,
        within: Session | None = None,
    ) -> None:
        """Record what is going to be done on each uCPE (None: removal), before it is done."""
        with self._transaction(within=within) as session:
            service = _row(session, service_id)
            rows = {row.ucpe: row for row in service.deployments}
            for ucpe, attempt in attempts.items():
                row = rows.get(ucpe)
                if row is None:
                    row = DeploymentRow(ucpe=ucpe)
                    service.deployments.append(row)
                row.state = state
                row.error = None
                if attempt is not None:
                    row.attempt = dump_plan(attempt)
                elif row.attempt is None:
                    row.attempt = row.plan

    def finish(self, service_id: str, ucpe: str, record: Record, state: str, error: str | None) -> None:
        """Record how the work on a uCPE ended. An empty record gives its placeholders back."""
        with self._transaction() as session:
            row = session.get_one(DeploymentRow, (service_id, ucpe))
            row.state, row.error = state, error
            row.plan = dump_plan(record.plan) if record.plan else None
            row.attempt = dump_plan(record.attempt) if record.attempt else None
            vnfs = {port.vnf for plan in record.plans for port in plan.ports}
            unused = delete(PlaceholderRow).where(
                PlaceholderRow.service_id == service_id, PlaceholderRow.ucpe == ucpe, PlaceholderRow.vnf.not_in(vnfs)
            )
            self._freed(session.scalars(unused.returning(PlaceholderRow.number)))

    def leave(self, service_id: str, ucpe: str) -> None:
        """Forget an end point from which everything is removed."""
        with self._transaction() as session:
            session.execute(delete(DeploymentRow).where(_at(DeploymentRow, service_id, ucpe)))
            unused = delete(PlaceholderRow).where(_at(PlaceholderRow, service_id, ucpe))
            self._freed(session.scalars(unused.returning(PlaceholderRow.number)))

    def forget(self, service_id: str) -> None:
        """Forget a service of which nothing is left."""
        with self._transaction() as session:
            unused = select(PlaceholderRow.number).where(PlaceholderRow.service_id == service_id)
            self._freed(session.scalars(unused))
            session.delete(_row(session, service_id))

    def _free(self, session: Session, count: int) -> list[int]:
        """The lowest free numbers. What lies below the last one taken is in use, unless it was freed since."""
        if count and session.get_bind().dialect.name == "postgresql":
            # SQLite has one writer anyway; elsewhere two would find the same numbers free.
            session.execute(text("LOCK TABLE placeholders IN SHARE ROW EXCLUSIVE MODE"))
        found: list[int] = []
        windows = (*range(self._free_from, PLACEHOLDERS, _WINDOW), *range(0, self._free_from, _WINDOW))
        for start in windows if count else ():
            end = min(start + _WINDOW, PLACEHOLDERS)
            query = select(PlaceholderRow.number).where(PlaceholderRow.number.between(start, end - 1))
            used = {*session.scalars(query), *found}
            found += [number for number in range(start, end) if number not in used][: count - len(found)]
            if len(found) == count:
                break
        if len(found) < count:
            raise StoreError("all placeholder addresses are in use")
        self._free_from = found[-1] + 1 if found else self._free_from
        return found

    def _freed(self, numbers: Iterable[int]) -> None:
        self._free_from = min(self._free_from, *numbers, self._free_from)

    def transaction(self) -> AbstractContextManager[Session]:
        """A transaction for several methods, which are given it as `within`."""
        return self._transaction()

    @contextmanager
    def _transaction(self, engine: Engine | None = None, within: Session | None = None) -> Iterator[Session]:
        """The given transaction, or one of its own, which writes unless another engine is given."""
        if within:
            yield within
            within.flush()
            return
        try:
            turn = nullcontext() if engine else self._turn
            with turn, Session(engine or self._engine) as session, session.begin():
                yield session
        except SQLAlchemyError as error:
            kind = StoreUnavailable if isinstance(error, CONNECTION_ERRORS) else StoreError
            # without the statement's parameters, which may be secret
            raise kind(f"the state database failed: {getattr(error, 'orig', None) or type(error).__name__}") from None


def _make_folder(url: str) -> None:
    address = address_of(url)
    if address.get_backend_name() == "sqlite" and address.database:
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)


def _row(session: Session, service_id: str) -> ServiceRow:
    row = session.get(ServiceRow, service_id)
    if row is None:
        raise UnknownService(f"there is no service {service_id}")
    return row


def _at(table: type[DeploymentRow | PlaceholderRow], service_id: str, ucpe: str) -> ColumnElement[bool]:
    return and_(table.service_id == service_id, table.ucpe == ucpe)


def _stored(row: ServiceRow) -> StoredService:
    return StoredService(
        id=row.id,
        name=row.name,
        generation=row.generation,
        records={item.ucpe: Record(_plan(item.plan), _plan(item.attempt)) for item in row.deployments},
        states={item.ucpe: item.state for item in row.deployments},
    )


def _plan(values: dict[str, Any] | None) -> SitePlan | None:
    return load_plan(values) if values else None
