"""Orders about what is enrolled: they take it into service, out of service, or end it; the network stays as it is.

Such an order is stored as acknowledged and carried out at once, each of its items in one transaction with the change
that it asks for. What was true when it was accepted may have changed by then: an item fails on its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, and_, select
from sqlalchemy.orm import Session

from common.findings import Finding, Tag
from presto.domain.credentials import utc_now
from presto.domain.enrolled import Enrolled, Resource, Ucs, UcsEndPoint, kind_of
from presto.persistence.events import EventType, NewEvent
from presto.persistence.locked_unis import lock, unlock
from presto.persistence.order_progress import end, items_of, open_orders, store_order
from presto.persistence.order_tables import OrderRow
from presto.persistence.tables import ClaimRow, LockedUniRow, ServiceRow
from presto.persistence.tenancy import ALL_TENANTS, ANOTHER, NOBODY, current, owner
from presto.persistence.unit_of_work import NewOrder, StoredOrder, UnitOfWork
from presto.persistence.writer import Writer
from presto.service.background import in_thread
from presto.service.views import Views
from presto_api.lifecycles import ENDED, SERVICE_GRAPH, OrderState, ServiceState, step

KIND_NAMES = {"sd-wan-uni": "UNI", "ucs": "UCS", "ucs-uni": "UCS UNI", "ucs-end-point": "UCS end point"}


@dataclass(frozen=True)
class EnrolledState:
    """A resource and where it stands: active, inactive, or terminated since `ended`."""

    resource: Resource
    state: ServiceState
    ended: datetime | None = None


class EnrolledOrders:
    """Keeps the states of enrolled resources and carries orders about them out."""

    def __init__(self, engine: Engine, writer: Writer, views: Views) -> None:
        self._engine, self._writer, self._views = engine, writer, views
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Take up what an earlier process left unfinished."""
        for order_id in await asyncio.to_thread(self._open):
            self.wake(order_id)

    async def stop(self) -> None:
        """Wait until what is under way is stored."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def states(self, resources: Sequence[Resource]) -> tuple[EnrolledState, ...]:
        """Where resources stand."""
        return await asyncio.to_thread(self._states, resources) if resources else ()

    @in_thread
    def closed(self) -> dict[str, ServiceState]:
        """The ids of all resources that are not active."""
        with Session(self._engine) as session:
            rows = session.scalars(select(LockedUniRow))
            return {row.uni: ServiceState.TERMINATED if row.ended else ServiceState.INACTIVE for row in rows}

    @in_thread
    def faults(self, wanted: Sequence[tuple[Resource, ServiceState]]) -> tuple[Finding | None, ...]:
        """For each resource why it cannot come to that state together with the others, or None."""
        leaving = {resource.id for resource, state in wanted if state is ServiceState.TERMINATED}
        with Session(self._engine) as session:
            return tuple(
                self._not_its_own(resource) or fault(session, self._views.enrolled, resource, state, leaving)
                for resource, state in wanted
            )

    def place(self, unit: UnitOfWork, order: NewOrder) -> None:
        """Store a checked order as acknowledged; no SWVC carries it out, so it stands for its own service."""
        stored = StoredOrder(order, utc_now(), tuple(item.element or "" for item in order.items))
        store_order(unit, stored, service=order.id, generation=0, tenant=owner())
        unit.record(owner(), [NewEvent(EventType.ORDER_CREATE, order.id, None, OrderState.ACKNOWLEDGED)])

    def wake(self, order_id: str) -> None:
        """Have an order carried out."""
        work = self._writer.run_async(lambda unit: self._carry_out(unit, order_id))
        task = asyncio.create_task(work, name=f"order {order_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _open(self) -> tuple[str, ...]:
        open_ones = (OrderRow.service == OrderRow.id, OrderRow.state.not_in(ENDED))
        with Session(self._engine) as session:
            return tuple(session.scalars(select(OrderRow.id).where(*open_ones).order_by(OrderRow.ordered)))

    def _states(self, resources: Sequence[Resource]) -> tuple[EnrolledState, ...]:
        with Session(self._engine) as session:
            locked = select(LockedUniRow).where(LockedUniRow.uni.in_({resource.id for resource in resources}))
            rows = {row.uni: row for row in session.scalars(locked)}
            return tuple(_state(rows.get(resource.id), resource) for resource in resources)

    def _not_its_own(self, resource: Resource) -> Finding | None:
        """A tenant takes nothing out of service that others use as well."""
        if self._views.assignments.owns(current(), resource.id):
            return None
        return Finding(Tag.ACCESS_DENIED, (), f"{label_of(resource)} is there for every tenant", "Ask the operator.")

    def _carry_out(self, unit: UnitOfWork, order_id: str) -> None:
        document = unit.session.scalar(select(OrderRow.document).where(OrderRow.id == order_id)) or {}
        items, outcomes = items_of(unit, order_id), {}
        for item in _ends_first(items):
            error = self._apply(unit, item, _wanted(document, item))
            outcomes[item.number] = (OrderState.FAILED, error) if error else (OrderState.COMPLETED, None)
        for order in open_orders(unit, order_id):  # one that has ended stays so
            unit.record(order.tenant, end(unit, order, items, outcomes))

    def _apply(self, unit: UnitOfWork, item: Row[Any], wanted: ServiceState) -> str | None:
        """Bring a resource into a state; returns why that is not possible."""
        enrolled = self._views.enrolled
        resource = enrolled.get(item.element)
        if resource is None:
            return "it is no longer enrolled"
        if found := fault(unit.session, enrolled, resource, wanted):
            return found.message
        here = _state(unit.session.get(LockedUniRow, resource.id), resource).state
        if wanted is here:
            return None
        step(SERVICE_GRAPH, here, wanted)
        if wanted is ServiceState.ACTIVE:
            unlock(unit, resource.id)
        else:
            ended = utc_now() if wanted is ServiceState.TERMINATED else None
            lock(unit, resource.id, self._views.assignments.tenants.get(resource.id, NOBODY), ended)
        return None


def fault(
    session: Session, enrolment: Enrolled, resource: Resource, wanted: ServiceState, leaving: Collection[str] = ()
) -> Finding | None:
    """Why a resource cannot come to a state, or None; `leaving` are ids of what is terminated with it."""
    here, label = _state(session.get(LockedUniRow, resource.id), resource).state, label_of(resource)
    if here is ServiceState.TERMINATED:
        return Finding(Tag.IN_USE, (), f"{label} is terminated", "Enrol it anew, under another name.")
    if wanted in {here, ServiceState.ACTIVE}:
        return None
    users = select(ServiceRow.name, ServiceRow.tenant).where(_used_by(enrolment, resource)).limit(1)
    user = session.execute(users, execution_options={ALL_TENANTS: True}).first()
    if user is not None:
        name = user.name if current() in {None, user.tenant} else ANOTHER
        return Finding(Tag.IN_USE, (), f'{label} is in use by service "{name}"', "Delete that service first.")
    if wanted is ServiceState.TERMINATED:
        ends = [end.name for end in enrolment.ends_of(resource) if end.id not in leaving and _lives(session, end)]
        if ends:
            message = f"{label} has end points: {', '.join(ends[:4])}{' …' * (len(ends) > 4)}"
            return Finding(Tag.IN_USE, (), message, "Delete them first, or by the same order.")
    return None


def label_of(resource: Resource) -> str:
    """A resource by its kind and name."""
    return f"{KIND_NAMES[kind_of(resource)]} {resource.name}"


def _used_by(enrolment: Enrolled, resource: Resource) -> ColumnElement[bool]:
    """True for the services that a resource belongs to, or whose packets cross it."""
    over: ColumnElement[str] = ServiceRow.document["carrier"].as_string()
    if isinstance(resource, Ucs):
        return over == resource.underlay.name
    claimed = select(ClaimRow.service)
    if isinstance(resource, UcsEndPoint):
        here = ServiceRow.id.in_(claimed.where(ClaimRow.uni == resource.ucs_uni))
        return and_(here, over == resource.wan.underlay)
    return ServiceRow.id.in_(claimed.where(ClaimRow.uni == resource.id))


def _lives(session: Session, resource: Resource) -> bool:
    return _state(session.get(LockedUniRow, resource.id), resource).state is not ServiceState.TERMINATED


def _state(row: LockedUniRow | None, resource: Resource) -> EnrolledState:
    if row is None:
        return EnrolledState(resource, ServiceState.ACTIVE)
    if row.ended is None:
        return EnrolledState(resource, ServiceState.INACTIVE)
    ended = row.ended.replace(tzinfo=UTC) if row.ended.tzinfo is None else row.ended
    return EnrolledState(resource, ServiceState.TERMINATED, ended)


def _ends_first(items: Iterable[Row[Any]]) -> list[Row[Any]]:
    """End points leave before what they attach to."""
    return sorted(items, key=lambda item: item.kind != "ucs-end-point")


def _wanted(document: dict[str, Any], item: Row[Any]) -> ServiceState:
    if item.action == "delete":
        return ServiceState.TERMINATED
    return ServiceState(document["serviceOrderItem"][item.number]["service"]["state"])
