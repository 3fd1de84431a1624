"""What is written when a service is ordered, changed, worked on or gone: all that hangs on it goes with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, cast

from sqlalchemy import Table, delete, select

from presto.domain.credentials import utc_now
from presto.domain.model import CARRIED_OUT, ON_ITS_WAY_OUT, Service, State
from presto.domain.wan_ports import claims_of
from presto.persistence.events import EventType, NewEvent
from presto.persistence.inventory_projection import Live, live_before, live_elements, project, terminate
from presto.persistence.order_progress import begin_removal, end_alike, follow_service, open_orders, store_order
from presto.persistence.order_tables import drop_unused
from presto.persistence.service_rows import claims_rows, end_points_of, row_of, swvc_of
from presto.persistence.tables import ClaimRow, NewService, ServiceRow
from presto.persistence.unit_of_work import NewOrder, StoredOrder, UnitOfWork
from presto_api.lifecycles import OrderState

_SERVICES, _CLAIMS = (cast(Table, row.__table__) for row in (ServiceRow, ClaimRow))
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def add(unit: UnitOfWork, service: Service, order: NewOrder | None = None) -> None:
    """Store a new service with its elements in the inventory, the order that asks for it, and what it claims.

    Raises sqlalchemy.exc.IntegrityError when another service has its name or one of its ports.
    """
    row = row_of(service)
    unit.insert(_SERVICES, [vars(row)])
    unit.record(service.tenant, _project(unit, row, Live(), order, _NOTHING))
    unit.insert(_CLAIMS, claims_rows(service))
    unit.service = service


def replace(
    unit: UnitOfWork, service: Service, order: NewOrder | None = None, restored: Mapping[str, Any] = _NOTHING
) -> None:
    """Store the next change of a service. What it claimed it keeps until `progress` tells of its end.

    `restored` is what is requested again of its elements, by their ids. Raises as `add`.
    """
    # Nobody else changes the row between the look and the writing.
    row = unit.session.get_one(ServiceRow, service.id, with_for_update=True)
    for name, value in vars(row_of(service)).items():
        setattr(row, name, value)
    unit.session.flush()
    _follow(unit, row, order, restored)
    held = set(unit.session.scalars(select(ClaimRow.uni).where(ClaimRow.service == service.id)))
    unit.insert(_CLAIMS, [claim for claim in claims_rows(service) if claim["uni"] not in held])
    unit.service = service


def progress(unit: UnitOfWork, service: Service, clean: Collection[str] = ()) -> bool:
    """Record the state that work for `service.generation` came to; False when a newer change was accepted since.

    The service lets go of those of the UNIs and WAN ports in `clean` that it has no more; of all such when it is
    carried out.
    """
    row = unit.session.get(ServiceRow, service.id, with_for_update=True)
    if row is None:
        return False
    # What a newer change takes out is still there as this one has made it.
    kept = {*claims_of(swvc_of(row.document)), *claims_of(service.swvc)}
    if service.state in ON_ITS_WAY_OUT:
        kept = set()
    left = delete(ClaimRow).where(ClaimRow.service == service.id, ClaimRow.uni.not_in(kept))
    if clean:
        unit.session.execute(left.where(ClaimRow.uni.in_(clean)))
    if row.generation != service.generation:
        return False
    row.state, row.error, row.changed = service.state, service.error, service.changed
    row.end_points = end_points_of(service)
    unit.session.flush()
    if service.state in CARRIED_OUT:
        unit.session.execute(left)
    if service.state is State.REMOVING:
        unit.record(row.tenant, begin_removal(unit, row))
    _follow(unit, row)
    return True


def remove(unit: UnitOfWork, service: Service) -> bool:
    """Forget a service with its keys and claims; False when a newer change was accepted since."""
    row = unit.session.get(ServiceRow, service.id, with_for_update=True)
    if row is None or row.generation != service.generation:
        return False
    unit.record(row.tenant, terminate(unit, live_elements(unit.connection, row.id), utc_now()))
    for order in open_orders(unit, row.id):
        unit.record(row.tenant, end_alike(unit, order, OrderState.COMPLETED))
    unit.session.delete(row)
    return True


def _follow(
    unit: UnitOfWork, row: ServiceRow, order: NewOrder | None = None, restored: Mapping[str, Any] = _NOTHING
) -> None:
    """Bring the inventory and the orders in line with a service that was written."""
    live = live_before(unit.connection, row)
    heard = _project(unit, row, live, order, restored)
    if all(element.generation != row.generation for element in live.elements):
        drop_unused(unit.connection, row.id)
    heard += follow_service(unit, row, repeated=order is not None)
    unit.record(row.tenant, heard)


def _project(
    unit: UnitOfWork, row: ServiceRow | NewService, live: Live, order: NewOrder | None, restored: Mapping[str, Any]
) -> list[NewEvent]:
    """Bring the elements in line with a service, and store the order that asks for it; returns what happened."""
    ids, heard = project(unit, row, live, order, restored)
    if order is None:
        return heard
    again = any(element.generation == row.generation for element in live.elements)
    elements = tuple(item.element or ids[item.kind, item.end_point or ""] for item in order.items)
    stored = StoredOrder(order, utc_now() if again else row.changed, elements)
    replaced = live.replaced(elements)
    store_order(unit, stored, service=row.id, generation=row.generation, tenant=row.tenant, replaced=replaced)
    return [NewEvent(EventType.ORDER_CREATE, order.id, row.id, OrderState.ACKNOWLEDGED), *heard]
