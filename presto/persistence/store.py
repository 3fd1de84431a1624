"""Services, their keys and the locked UNIs, kept in a database: what is acknowledged is on disk."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from pydantic import TypeAdapter
from sqlalchemy import (
    ColumnElement,
    Engine,
    Table,
    bindparam,
    case,
    delete,
    literal_column,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session

from common.findings import Ambiguous
from presto.domain.credentials import Credentials
from presto.domain.model import UNFINISHED, Service
from presto.persistence import service_writes
from presto.persistence.service_rows import service_of
from presto.persistence.tables import ClaimRow, CredentialsRow, DeployedRow, LockedUniRow, ServiceRow
from presto.persistence.tenancy import ANOTHER, current
from presto.persistence.unit_of_work import UnitOfWork
from presto.persistence.writer import Writer
from presto_api.lifecycles import ServiceState

_CREDENTIALS = TypeAdapter(Credentials)
_NONE: ColumnElement[str] = literal_column("''")
# Made once, because to make a statement costs more than to carry it out.
# Reads that check an order say themselves whose rows they see: they go past the session, and so past its limit.
_SERVICES, _CLAIMS, _LOCKED_UNIS = (cast(Table, row.__table__) for row in (ServiceRow, ClaimRow, LockedUniRow))
_USED = select(_CLAIMS.c.uni, _SERVICES.c.name, _SERVICES.c.tenant).join(_SERVICES)
_USED_AMONG = _USED.where(_CLAIMS.c.uni.in_(bindparam("among", expanding=True)))
_LOCKED = select(_LOCKED_UNIS.c.uni, _LOCKED_UNIS.c.ended)
_LOCKED_AMONG = _LOCKED.where(_LOCKED_UNIS.c.uni.in_(bindparam("among", expanding=True)))
_OTHERS = _SERVICES.c.id != bindparam("besides")
_CLOSED = case((_LOCKED_UNIS.c.ended.is_(None), literal_column("'inactive'")), else_=literal_column("'terminated'"))
_HELD = union_all(
    select(literal_column("'name'"), _SERVICES.c.name, _NONE, _NONE).where(
        _OTHERS, _SERVICES.c.tenant == bindparam("tenant"), _SERVICES.c.name == bindparam("name")
    ),
    select(literal_column("'uni'"), _CLAIMS.c.uni, _SERVICES.c.name, _SERVICES.c.tenant)
    .join_from(_CLAIMS, _SERVICES)
    .where(_OTHERS, _CLAIMS.c.uni.in_(bindparam("claims", expanding=True))),
    select(literal_column("'closed'"), _LOCKED_UNIS.c.uni, _CLOSED, _NONE).where(
        _LOCKED_UNIS.c.uni.in_(bindparam("resources", expanding=True))
    ),
)
"""What is taken of a name, UNIs and enrolled resources: kind, name or id, and who or how."""

KEPT_CHANGES = 32
"""Of a service: rules that were made by an older one say no more which."""


@dataclass(frozen=True)
class Wanted:
    """What an order wants: a name of a tenant, UNIs and WAN ports, and enrolled resources as they stand.

    `besides` is the id of the service that the order changes, if any: it may have all that it has.
    """

    name: str
    tenant: str
    besides: str
    claims: Collection[str]
    resources: Collection[str]


@dataclass(frozen=True)
class Held:
    """Whether a name is taken, what is in use with the names of the services, and the resources that are not active.

    UNIs and WAN ports are in use.
    """

    name: bool
    claims: Mapping[str, str]
    closed: Mapping[str, ServiceState]


class Store:
    """The state of the API behind an open engine. Its methods may be called from any thread.

    Each is one transaction of its own, or reads `within` the session of a change (`presto.persistence.unit_of_work`).
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.writer = Writer(engine)

    @property
    def engine(self) -> Engine:
        """The open engine, for tables that stand in the same database for common transactions."""
        return self._engine

    def close(self) -> None:
        """Make the changes that wait and give up the connections; a later call opens new ones."""
        self.writer.close()
        self._engine.dispose()

    def services(self) -> tuple[Service, ...]:
        """All services, oldest first."""
        with self._reading() as session:
            rows = session.scalars(select(ServiceRow).order_by(ServiceRow.created, ServiceRow.id))
            return tuple(map(service_of, rows))

    def unfinished(self) -> tuple[str, ...]:
        """The ids of services with work to do."""
        with self._reading() as session:
            return tuple(session.scalars(select(ServiceRow.id).where(ServiceRow.state.in_(UNFINISHED))))

    def ids(self) -> tuple[str, ...]:
        """The ids of all services, oldest first."""
        with Session(self._engine) as session:
            return tuple(session.scalars(select(ServiceRow.id).order_by(ServiceRow.created, ServiceRow.id)))

    def page(self, after: str | None, limit: int) -> tuple[Service, ...] | None:
        """So many services, oldest first, from the one after that id on; None when there is none of that id."""
        query = select(ServiceRow).order_by(ServiceRow.created, ServiceRow.id).limit(limit)
        with self._reading() as session:
            if after is not None:
                last = session.get(ServiceRow, after)
                if last is None:
                    return None
                query = query.where(tuple_(ServiceRow.created, ServiceRow.id) > (last.created, last.id))
            return tuple(map(service_of, session.scalars(query)))

    def find(self, id_or_name: str, within: Session | None = None) -> Service | None:
        """The service of that id, or else of that name. Raises Ambiguous when several have it."""
        with self._reading(within) as session:
            if row := session.get(ServiceRow, id_or_name):
                return service_of(row)
            by_name = select(ServiceRow).where(ServiceRow.name == id_or_name)
            rows = session.scalars(by_name.order_by(ServiceRow.created, ServiceRow.id)).all()
            if len(rows) > 1:
                raise Ambiguous(("service",), "services", id_or_name, (row.id for row in rows))
            return service_of(rows[0]) if rows else None

    def names(self, within: Session | None = None) -> frozenset[str]:
        """The names of all services."""
        with self._reading(within) as session:
            return frozenset(session.scalars(select(ServiceRow.name)))

    def held(self, wanted: Wanted, within: Session | None = None) -> Held:
        """What others have of what an order wants, in one query: it is asked for every order."""
        given = {**vars(wanted), "claims": list(wanted.claims), "resources": list(wanted.resources)}
        with self._reading(within) as session:
            rows = list(map(tuple, session.connection().execute(_HELD, given)))
        found = {uni: _known(service, whose) for kind, uni, service, whose in rows if kind == "uni"}
        closed = {resource: ServiceState(state) for kind, resource, state, _ in rows if kind == "closed"}
        return Held(any(kind == "name" for kind, *_ in rows), found, closed)

    def claims(self, *, among: Collection[str] | None = None, within: Session | None = None) -> dict[str, str]:
        """The UNIs and WAN ports in use: id → name of its service, which other tenants do not learn.

        `among` asks for some only.
        """
        query, given = (_USED, {}) if among is None else (_USED_AMONG, {"among": list(among)})
        with self._reading(within) as session:
            rows = session.connection().execute(query, given)
            return {row.uni: _known(row.name, row.tenant) for row in rows}

    def progress(self, service: Service, clean: Collection[str] = ()) -> bool:
        """As `service_writes.progress`, in a transaction of its own."""
        return self.writer.run(lambda unit: service_writes.progress(unit, service, clean))

    def remove(self, service: Service) -> bool:
        """As `service_writes.remove`, in a transaction of its own."""
        return self.writer.run(lambda unit: service_writes.remove(unit, service))

    def deployed(self, service: Service, generation: int) -> None:
        """Remember that a change was carried out, as the orchestrator's `generation`, and forget very old ones."""

        def change(unit: UnitOfWork) -> None:
            if unit.session.get(ServiceRow, service.id):
                unit.session.merge(DeployedRow(service=service.id, change=service.generation, generation=generation))
                old = (DeployedRow.service == service.id, DeployedRow.change <= service.generation - KEPT_CHANGES)
                unit.session.execute(delete(DeployedRow).where(*old))

        self.writer.run(change)

    def changes(self, service_id: str) -> dict[int, int]:
        """The orchestrator's generation → the change of the service that it carried out, oldest first."""
        query = select(DeployedRow.generation, DeployedRow.change).where(DeployedRow.service == service_id)
        with self._reading() as session:
            rows = session.execute(query.order_by(DeployedRow.generation))
            return {row.generation: row.change for row in rows}

    def credentials(self, service_id: str) -> Credentials:
        """The keys of a service; empty ones when it has none yet."""
        with self._reading() as session:
            row = session.get(CredentialsRow, service_id)
            return _CREDENTIALS.validate_python(row.document) if row else Credentials()

    def save_credentials(self, service_id: str, credentials: Credentials) -> None:
        """Keep the keys of a service that exists."""

        def change(unit: UnitOfWork) -> None:
            document = _CREDENTIALS.dump_python(credentials, mode="json")
            unit.session.merge(CredentialsRow(service=service_id, document=document))

        self.writer.run(change)

    def locked_unis(self, *, among: Collection[str] | None = None, within: Session | None = None) -> dict[str, bool]:
        """The UNIs that are administratively locked: id → whether for good. `among` asks for some UNIs only."""
        with self._reading(within) as session:
            query, given = (_LOCKED, {}) if among is None else (_LOCKED_AMONG, {"among": list(among)})
            return {row.uni: row.ended is not None for row in session.connection().execute(query, given)}

    def closed(self, resources: Collection[str], within: Session | None = None) -> dict[str, ServiceState]:
        """The enrolled resources among these that are not active."""
        locked = self.locked_unis(among=resources, within=within)
        return {
            resource: ServiceState.TERMINATED if ended else ServiceState.INACTIVE for resource, ended in locked.items()
        }

    @contextmanager
    def _reading(self, within: Session | None = None) -> Iterator[Session]:
        """The session of the change that asks, or one of its own."""
        if within:
            yield within
        else:
            with Session(self._engine) as session:
                yield session


def _known(service: str, tenant: str) -> str:
    """The name of a service, as far as the tenant that is being served knows of it."""
    return service if current() in {None, tenant} else ANOTHER
