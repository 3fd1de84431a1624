"""Services, their keys and the locked UNIs, kept in a database: what is acknowledged is on disk."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, cast

from pydantic import TypeAdapter
from sqlalchemy import (
    ColumnElement,
    Engine,
    String,
    Table,
    bindparam,
    case,
    delete,
    insert,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.orm import Session

from common.findings import Ambiguous
from common.json_text import Document
from presto.domain.credentials import Credentials
from presto.domain.model import CARRIED_OUT, ON_ITS_WAY_OUT, UNFINISHED, EndPointState, Service, State, Swvc
from presto.domain.wan_ports import claims_of
from presto.persistence.additions import Additions, waiting
from presto.persistence.idempotency import keep_with
from presto.persistence.order_follow import appeared, begin_orders
from presto.persistence.prepared import Prepared
from presto.persistence.tables import ClaimRow, CredentialsRow, DeployedRow, LockedUniRow, NewService, ServiceRow
from presto.persistence.tenancy import ANOTHER, NOBODY, current
from presto.persistence.writer import Writer, writing
from presto_api.lifecycles import ServiceState

_SWVC = TypeAdapter(Swvc)
_CREDENTIALS = TypeAdapter(Credentials)
_NONE: ColumnElement[str] = literal_column("''")
# Made once, because to make a statement costs more than to carry it out.
# Reads that check an order say themselves whose rows they see: they go past the session, and so past its limit.
_SERVICES, _CLAIMS, _LOCKED_UNIS = (cast(Table, row.__table__) for row in (ServiceRow, ClaimRow, LockedUniRow))
_USED = select(_CLAIMS.c.uni, _SERVICES.c.name, _SERVICES.c.tenant).join(_SERVICES)
_USED_AMONG = _USED.where(_CLAIMS.c.uni.in_(bindparam("among", expanding=True)))
_LOCKED = select(_LOCKED_UNIS.c.uni)
_LOCKED_AMONG = _LOCKED.where(_LOCKED_UNIS.c.uni.in_(bindparam("among", expanding=True)))
_NEW_SERVICE, _NEW_CLAIM = Prepared(insert(_SERVICES)), Prepared(insert(_CLAIMS))
_END_POINTS: TypeAdapter[Mapping[str, EndPointState]] = TypeAdapter(dict[str, EndPointState])

KEPT_CHANGES = 32
"""Of a service: rules that were made by an older one say no more which."""


@dataclass(frozen=True)
class Held:
    """Whether a name is taken, what is in use with the names of the services, and the things that are not active.

    UNIs and WAN ports are in use.
    """

    name: bool
    claims: Mapping[str, str]
    closed: Mapping[str, ServiceState]


class Store:
    """The state of the API behind an open engine. Its methods may be called from any thread.

    Each is one transaction of its own, or a part of the change that it is called in (`writer.run`, `writer.do`).
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

    def find(self, id_or_name: str) -> Service | None:
        """The service of that id, or else of that name. Raises Ambiguous when several have it."""
        with self._reading() as session:
            if row := session.get(ServiceRow, id_or_name):
                return service_of(row)
            by_name = select(ServiceRow).where(ServiceRow.name == id_or_name)
            rows = session.scalars(by_name.order_by(ServiceRow.created, ServiceRow.id)).all()
            if len(rows) > 1:
                raise Ambiguous(("service",), "services", id_or_name, (row.id for row in rows))
            return service_of(rows[0]) if rows else None

    def names(self) -> frozenset[str]:
        """The names of all services."""
        with self._reading() as session:
            return frozenset(session.scalars(select(ServiceRow.name)))

    def held(self, name: str, *, tenant: str, besides: str, claims: Collection[str], things: Collection[str]) -> Held:
        """What others than `besides` have of what an order wants, in one query: it is asked for every order."""
        places = _numbered("uni", claims or ("",)), _numbered("thing", things or ("",))
        given = {"whose": tenant, "name": name, "besides": besides} | places[0] | places[1]
        with self._reading() as session:
            rows = list(map(tuple, _held(*map(len, places)).execute(session.connection(), [given])))
            new = {row["id"]: row for row in waiting(session, _NEW_SERVICE)}
            taken = {row["uni"]: new[row["service"]] for row in waiting(session, _NEW_CLAIM)}
        found = {uni: _known(service, whose) for kind, uni, service, whose in rows if kind == "uni"}
        found |= {uni: _known(row["name"], row["tenant"]) for uni, row in taken.items() if uni in claims}
        closed = {thing: ServiceState(state) for kind, thing, state, _ in rows if kind == "closed"}
        named = any(row["name"] == name and row["tenant"] == tenant for row in new.values())
        return Held(named or any(kind == "name" for kind, *_ in rows), found, closed)

    def claims(self, *, among: Collection[str] | None = None) -> dict[str, str]:
        """The UNIs and WAN ports in use: id → name of its service, which other tenants do not learn.

        `among` asks for some only.
        """
        query, given = (_USED, {}) if among is None else (_USED_AMONG, {"among": list(among)})
        with self._reading() as session:
            rows = session.connection().execute(query, given)
            return {row.uni: _known(row.name, row.tenant) for row in rows}

    def add(self, added: Additions, service: Service) -> None:
        """Have a new service stored with all that comes with it: this is what the transaction of an order writes.

        It is the service, its elements in the inventory, the order that asks for it with its items, the UNIs and
        WAN ports that it claims, the events of all these, and the answer to a request with a key.
        """
        new = _new(service)
        added.add(_NEW_SERVICE, [vars(new)])
        appeared(added, new)
        added.add(_NEW_CLAIM, _claims(service))
        keep_with(added)

    def save(self, service: Service) -> None:
        """Replace a service, and claim its ports. Those that it had it keeps until `progress` tells of its end.

        Raises sqlalchemy.exc.IntegrityError when another service has its name or one of its ports.
        """

        def work(session: Session) -> None:
            # Nobody else changes the row between the look that `merge` takes and its writing.
            session.get(ServiceRow, service.id, with_for_update=True)
            session.merge(ServiceRow(**vars(_new(service))))
            session.flush()
            held = set(session.scalars(select(ClaimRow.uni).where(ClaimRow.service == service.id)))
            new = [claim for claim in _claims(service) if claim["uni"] not in held]
            if new:
                _NEW_CLAIM.execute(session.connection(), new)

        self.writer.run(work)

    def progress(self, service: Service, clean: Collection[str] = ()) -> bool:
        """Record the state that work for `service.generation` came to; False when a newer change was accepted since.

        The service lets go of those of the UNIs and WAN ports in `clean` that it has no more; of all such when it is
        carried out.
        """

        def work(session: Session) -> bool:
            row = session.get(ServiceRow, service.id, with_for_update=True)
            if row is None:
                return False
            # What a newer change takes out is still there as this one has made it.
            kept = {*claims_of(swvc_of(row.document)), *claims_of(service.swvc)}
            if service.state in ON_ITS_WAY_OUT:
                kept = set()
            left = delete(ClaimRow).where(ClaimRow.service == service.id, ClaimRow.uni.not_in(kept))
            if clean:
                session.execute(left.where(ClaimRow.uni.in_(clean)))
            if row.generation != service.generation:
                return False
            row.state, row.error, row.changed = service.state, service.error, service.changed
            row.end_points = _END_POINTS.dump_python(service.end_points, mode="json")
            if service.state in CARRIED_OUT:
                session.execute(left)
            if service.state is State.REMOVING:
                begin_orders(session, row)
            return True

        return self.writer.run(work)

    def deployed(self, service: Service, generation: int) -> None:
        """Remember that a change was carried out, as the orchestrator's `generation`, and forget very old ones."""

        def work(session: Session) -> None:
            if session.get(ServiceRow, service.id):
                session.merge(DeployedRow(service=service.id, change=service.generation, generation=generation))
                old = (DeployedRow.service == service.id, DeployedRow.change <= service.generation - KEPT_CHANGES)
                session.execute(delete(DeployedRow).where(*old))

        self.writer.run(work)

    def changes(self, service_id: str) -> dict[int, int]:
        """The orchestrator's generation → the change of the service that it carried out, oldest first."""
        query = select(DeployedRow.generation, DeployedRow.change).where(DeployedRow.service == service_id)
        with self._reading() as session:
            rows = session.execute(query.order_by(DeployedRow.generation))
            return {row.generation: row.change for row in rows}

    def remove(self, service: Service) -> bool:
        """Forget a service with its keys and claims; False when a newer change was accepted since."""

        def work(session: Session) -> bool:
            row = session.get(ServiceRow, service.id, with_for_update=True)
            if row is None or row.generation != service.generation:
                return False
            session.delete(row)
            return True

        return self.writer.run(work)

    def credentials(self, service_id: str) -> Credentials:
        """The keys of a service; empty ones when it has none yet."""
        with self._reading() as session:
            row = session.get(CredentialsRow, service_id)
            return _CREDENTIALS.validate_python(row.document) if row else Credentials()

    def save_credentials(self, service_id: str, credentials: Credentials) -> None:
        """Keep the keys of a service that exists."""

        def work(session: Session) -> None:
            document = _CREDENTIALS.dump_python(credentials, mode="json")
            session.merge(CredentialsRow(service=service_id, document=document))

        self.writer.run(work)

    def locked_unis(self, *, among: Collection[str] | None = None) -> frozenset[str]:
        """The ids of the UNIs that are administratively locked; `among` asks for some UNIs only."""
        with self._reading() as session:
            query, given = (_LOCKED, {}) if among is None else (_LOCKED_AMONG, {"among": list(among)})
            return frozenset(session.connection().execute(query, given).scalars())

    def lock_uni(self, uni: str, *, locked: bool, tenant: str = NOBODY) -> None:
        """Lock or unlock a UNI, which is that tenant's alone; doing it twice changes nothing."""

        def work(session: Session) -> None:
            row = session.get(LockedUniRow, uni)
            if locked and row is None:
                session.add(LockedUniRow(uni=uni, tenant=tenant))
            elif row is not None and not locked:
                session.delete(row)

        self.writer.run(work)

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        """The session of the change that this is a part of, or one of its own."""
        if session := writing():
            yield session
        else:
            with Session(self._engine) as session:
                yield session


@lru_cache(maxsize=64)
def _held(unis: int, things: int) -> Prepared:
    """What is taken of a name, so many UNIs and so many enrolled things: kind, name or id, and who or how."""
    taken = select(literal_column("'name'"), _SERVICES.c.name, _NONE, _NONE)
    claimed = select(literal_column("'uni'"), _CLAIMS.c.uni, _SERVICES.c.name, _SERVICES.c.tenant)
    state = case((_LOCKED_UNIS.c.ended.is_(None), literal_column("'inactive'")), else_=literal_column("'terminated'"))
    closed = select(literal_column("'closed'"), _LOCKED_UNIS.c.uni, state, _NONE)
    others = _SERVICES.c.id != bindparam("besides")
    mine = (_SERVICES.c.tenant == bindparam("whose"), _SERVICES.c.name == bindparam("name"))
    among = [bindparam(place, type_=String) for place in _numbered("uni", range(unis))]
    asked = [bindparam(place, type_=String) for place in _numbered("thing", range(things))]
    return Prepared(
        taken.where(*mine, others).union_all(
            claimed.join_from(_CLAIMS, _SERVICES).where(others, _CLAIMS.c.uni.in_(among)),
            closed.where(_LOCKED_UNIS.c.uni.in_(asked)),
        )
    )


def _numbered(name: str, values: Iterable[Any]) -> dict[str, Any]:
    return {f"{name}_{number}": value for number, value in enumerate(values)}


def _known(service: str, tenant: str) -> str:
    """The name of a service, as far as the tenant that is being served knows of it."""
    return service if current() in {None, tenant} else ANOTHER


def _claims(service: Service) -> list[dict[str, str]]:
    return [{"uni": claimed, "service": service.id} for claimed in claims_of(service.swvc)]


def _new(service: Service) -> NewService:
    return NewService(
        id=service.id,
        tenant=service.tenant,
        name=service.swvc.identifier,
        state=service.state,
        generation=service.generation,
        created=service.created,
        changed=service.changed,
        error=service.error,
        document=Document(_SWVC.dump_python(service.swvc, mode="json")),
        end_points=_END_POINTS.dump_python(service.end_points, mode="json"),
    )


def swvc_of(document: Any) -> Swvc:
    """The SWVC that a document holds."""
    return _SWVC.validate_python(document)


def service_of(row: ServiceRow | NewService) -> Service:
    """The service that a row holds."""
    return Service(
        id=row.id,
        swvc=replace(swvc_of(row.document), identifier=row.name),
        state=State(row.state),
        generation=row.generation,
        created=_aware(row.created),
        changed=_aware(row.changed),
        error=row.error,
        end_points=_END_POINTS.validate_python(row.end_points),
        tenant=row.tenant,
    )


def _aware(moment: datetime) -> datetime:
    """SQLite keeps no zone; everything that is stored is UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
