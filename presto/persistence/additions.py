"""Rows that changes add: they wait until a whole group of changes is made, then one statement writes those of a table.

A change that only looks and adds needs no savepoint, because nothing of it is written when it fails. Who looks for
something in the database looks among what waits as well (`waiting`); every other change finds all of it written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from common.database import AWAY
from presto.persistence.events import NewEvent, record_in
from presto.persistence.prepared import Prepared, Row

T = TypeVar("T")
_WAITING = "presto_additions"


@dataclass(eq=False)
class Outcome(Generic[T]):
    """What became of a change: its value, or what it raised."""

    value: T | None = None
    fault: Exception | None = None


@dataclass(eq=False)
class Additions:
    """What one change adds: rows by the statement that writes them, parents before their children, and events."""

    rows: dict[Prepared, list[Row]] = field(default_factory=dict)
    events: list[NewEvent] = field(default_factory=list)
    outcome: Outcome[Any] = field(default_factory=Outcome)

    def add(self, statement: Prepared, rows: Iterable[Row]) -> None:
        """Have rows written by a statement; all of one statement name the same columns."""
        self.rows.setdefault(statement, []).extend(rows)

    def write(self, connection: Connection) -> None:
        """Write the rows."""
        for statement, rows in self.rows.items():
            statement.execute(connection, rows)


def wait(session: Session, added: Additions) -> None:
    """Let what a change has added wait with that of the others."""
    session.info.setdefault(_WAITING, []).append(added)


def waiting(session: Session, statement: Prepared) -> Iterator[Row]:
    """The rows that wait to be written by a statement."""
    for added in session.info.get(_WAITING, ()):
        yield from added.rows.get(statement, ())


def write_waiting(session: Session) -> None:
    """Write what waits. A change whose rows the database refuses fails by itself; raises AWAY when that is away."""
    added: list[Additions] = session.info.pop(_WAITING, [])
    if added and not _written(session, added):
        added = [one for one in added if _written(session, [one])]
    for one in added:
        record_in(session, one.events)


def _written(session: Session, added: Sequence[Additions]) -> bool:
    together = Additions()
    for one in added:
        for statement, rows in one.rows.items():
            together.add(statement, rows)
    fault: Exception | None = None
    try:
        with session.connection().begin_nested():
            together.write(session.connection())
    except AWAY:
        raise
    except Exception as error:  # noqa: BLE001  # it is raised where the change was asked for
        fault = error
    for one in added:
        one.outcome.fault = fault
    return fault is None
