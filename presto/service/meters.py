"""What is measured as it happens; what can be counted in the database is counted there when somebody asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from presto.persistence.event_tables import DeadLetterRow, EventCounterRow, EventRow
from presto.persistence.order_tables import ListenerRow, OrderRow
from presto.persistence.tables import ServiceRow, utc

REQUEST_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
WORK_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Meters:
    """One set for each core, so that several servers may live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "presto_requests", "Requests answered", ["face", "method", "status"], registry=self.registry
        )
        self.request_seconds = Histogram(
            "presto_request_seconds",
            "Until the answer began",
            ["face"],
            buckets=REQUEST_SECONDS,
            registry=self.registry,
        )
        self.work_seconds = Histogram(
            "presto_work_seconds", "Carrying out a change of a service", buckets=WORK_SECONDS, registry=self.registry
        )


@dataclass(frozen=True)
class Counts:
    """Orders and services by state, listeners with how many events the slowest has not got, and since when."""

    orders: Mapping[str, int]
    services: Mapping[str, int]
    listeners: int
    dead_letters: int
    lag: int
    oldest: datetime | None


def counts(engine: Engine) -> Counts:
    """Count in one read transaction."""
    with Session(engine) as session:
        last = session.scalar(select(EventCounterRow.last)) or 0
        cursor = session.scalar(select(func.min(ListenerRow.cursor)))
        waiting = select(func.min(EventRow.time)).where(EventRow.sequence > (last if cursor is None else cursor))
        oldest = session.scalar(waiting)
        return Counts(
            orders=_by_state(session, OrderRow),
            services=_by_state(session, ServiceRow),
            listeners=session.scalar(select(func.count()).select_from(ListenerRow)) or 0,
            dead_letters=session.scalar(select(func.count()).select_from(DeadLetterRow)) or 0,
            lag=0 if cursor is None else last - cursor,
            oldest=utc(oldest) if oldest else None,
        )


def _by_state(session: Session, table: type[OrderRow | ServiceRow]) -> dict[str, int]:
    rows = session.execute(select(table.state, func.count()).group_by(table.state))
    return {str(state): number for state, number in rows}
