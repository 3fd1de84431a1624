"""One thread that writes for everybody: changes that wait together are one transaction with one commit.

A commit waits for the disk; twenty changes that share it wait once. Each change has a savepoint of its own, so one that
is refused takes nothing of the others with it, and each is answered after the commit that holds it.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from common.database import CONNECTION_ERRORS, WRITES
from presto.persistence.events import NewEvent, append, committed
from presto.persistence.idempotency import KeyedRequest
from presto.persistence.unit_of_work import UnitOfWork

T = TypeVar("T")
Change = Callable[[UnitOfWork], T]
"""Reads and writes in the unit of work that it gets, and returns no rows but values."""

LARGEST_GROUP = 64
"""Changes of one commit; more would keep the first of them waiting for no gain."""


class NotStored(Exception):
    """Nothing is wrong with this change, but with another one of its batch, so none was stored."""


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What became of a change: its value or what it raised, and its events."""

    value: T | None = None
    fault: Exception | None = None
    events: Sequence[NewEvent] = ()


@dataclass(frozen=True)
class _Job:
    """A change that waits, in the context of who asked for it, which says whose rows it sees (`tenancy`)."""

    attempt: Callable[[Session], Outcome[Any]]
    future: Future[Any] = field(default_factory=Future)
    context: Context = field(default_factory=copy_context)


class Writer:
    """Writes to the database of an engine. The thread starts with the first change and ends with `close`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(**{WRITES: True})
        self._jobs: deque[_Job] = deque()
        self._there = threading.Condition()
        self._thread: threading.Thread | None = None

    def submit(self, change: Change[T], request: KeyedRequest | None = None) -> Future[T]:
        """Have a change made; the future has its result, or what it raised, once all is on disk."""
        return self._queue(_Job(lambda session: _attempt(session, change, request)))

    def run(self, change: Change[T], request: KeyedRequest | None = None) -> T:
        """As `submit`, and wait in a thread."""
        return self.submit(change, request).result()

    async def run_async(self, change: Change[T], request: KeyedRequest | None = None) -> T:
        """As `submit`, and wait in a coroutine; one that is cancelled meanwhile does not undo the change."""
        return await asyncio.wrap_future(self.submit(change, request))

    async def run_batch(
        self, changes: Sequence[Change[T]], request: KeyedRequest | None = None, *, all_or_none: bool
    ) -> list[Outcome[T]]:
        """Make changes in one transaction, each checked as if those before it were stored.

        With `all_or_none` nothing is stored when one of them fails.
        """
        job = _Job(lambda session: _attempt_all(session, changes, request, all_or_none=all_or_none))
        outcomes: list[Outcome[T]] = await asyncio.wrap_future(self._queue(job))
        return outcomes

    def _queue(self, job: _Job) -> Future[Any]:
        with self._there:
            self._jobs.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="presto writer", daemon=True)
                self._thread.start()
            self._there.notify()
        return job.future

    def close(self) -> None:
        """Make the changes that wait, then end the thread; a later change starts a new one."""
        with self._there:
            thread, self._thread = self._thread, None
            self._there.notify()
        if thread:
            thread.join()

    def _run(self) -> None:
        me = threading.current_thread()
        while True:
            with self._there:
                while not self._jobs and self._thread is me:
                    self._there.wait()
                if not self._jobs:
                    return
                group = [self._jobs.popleft() for _ in range(min(len(self._jobs), LARGEST_GROUP))]
            self._commit(group)

    def _commit(self, group: Sequence[_Job]) -> None:
        """Make all changes and commit; the events come last, because others wait for the next number."""
        try:
            with Session(self._engine) as session, session.begin():
                outcomes = [job.context.run(job.attempt, session) for job in group]
                for outcome in outcomes:
                    if isinstance(outcome.fault, CONNECTION_ERRORS):
                        raise outcome.fault  # the database went away: nothing of the group is stored
                events = [event for outcome in outcomes for event in outcome.events]
                written = append(session.connection(), events) if events else ()
        except Exception as error:  # noqa: BLE001  # whatever it was, nothing is stored: all who wait are told
            outcomes, written = [Outcome(fault=error)] * len(group), ()
        if written:
            committed(self._engine.pool, written)
        for job, outcome in zip(group, outcomes, strict=True):
            _settle(job.future, outcome)


def _attempt(session: Session, change: Change[T], request: KeyedRequest | None = None) -> Outcome[T]:
    """Make a change in a savepoint, which takes it back when it fails."""
    unit = UnitOfWork(session, request)
    try:
        with session.begin_nested():
            value = change(unit)
            unit.finish()
    except Exception as error:  # noqa: BLE001  # it is raised where the change was asked for
        return Outcome(fault=error)
    finally:
        # What others change by statements must not be hidden by rows that were read before.
        session.expunge_all()
    return Outcome(value, events=unit.events)


def _attempt_all(
    session: Session, changes: Sequence[Change[T]], request: KeyedRequest | None, *, all_or_none: bool
) -> Outcome[list[Outcome[T]]]:
    with session.begin_nested() as savepoint:
        outcomes = [_attempt(session, change) for change in changes]
        made = [outcome for outcome in outcomes if not outcome.fault]
        if all_or_none and len(made) < len(changes):
            savepoint.rollback()
            return Outcome([Outcome(fault=outcome.fault or NotStored()) for outcome in outcomes])
        if made:
            UnitOfWork(session, request).finish()
    return Outcome(outcomes, events=[event for outcome in made for event in outcome.events])


def _settle(future: Future[Any], outcome: Outcome[Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return  # who asked waits no more
    if outcome.fault:
        future.set_exception(outcome.fault)
    else:
        future.set_result(outcome.value)
