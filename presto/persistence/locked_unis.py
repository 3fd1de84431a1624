"""UNIs and other enrolled resources that are out of service, and the events of their going and coming back."""

from __future__ import annotations

from datetime import datetime

from presto.persistence.events import EventType, NewEvent
from presto.persistence.tables import LockedUniRow
from presto.persistence.tenancy import NOBODY
from presto.persistence.unit_of_work import UnitOfWork
from presto_api.lifecycles import ServiceState


def lock(unit: UnitOfWork, resource: str, tenant: str = NOBODY, ended: datetime | None = None) -> None:
    """Take a resource out of service, for good since `ended`; `tenant` is whose alone it is. Twice changes nothing."""
    row = unit.session.get(LockedUniRow, resource)
    if row and row.ended == ended:
        return
    if row is None:
        row = LockedUniRow(uni=resource, tenant=tenant)
        unit.session.add(row)
    row.ended = ended
    unit.session.flush()
    state = ServiceState.TERMINATED if ended else ServiceState.INACTIVE
    kinds = (EventType.SERVICE_STATE_CHANGE, *([EventType.SERVICE_DELETE] if ended else []))
    unit.record(row.tenant, [NewEvent(kind, resource, None, state) for kind in kinds])


def unlock(unit: UnitOfWork, resource: str) -> None:
    """Bring a resource back into service; one that is in service stays so."""
    row = unit.session.get(LockedUniRow, resource)
    if row:
        unit.session.delete(row)
        unit.session.flush()
        unit.record(row.tenant, [NewEvent(EventType.SERVICE_STATE_CHANGE, resource, None, ServiceState.ACTIVE)])
