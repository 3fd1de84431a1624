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
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from functools import partial
from typing import Any, Protocol, TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from common.database import WRITES
from presto.persistence.additions import Additions, Outcome, wait, write_waiting

T = TypeVar("T")
Work = Callable[[Session], T]
"""A change: reads and writes in the session that it gets, and returns no rows but values."""

Adding = Callable[[Additions], T]
"""A change that writes nothing itself but adds rows; what it reads, it also looks for among those that wait."""

Attempt = Callable[[Session], Outcome[T]]
"""Makes a change, or takes it back when it fails."""

LARGEST_GROUP = 64
"""Changes of one commit; more would keep the first of them waiting for no gain."""


_session: ContextVar[Session | None] = ContextVar("presto_writing_session", default=None)
_group: ContextVar[Group | None] = ContextVar("presto_writing_group", default=None)


class Group(Protocol):
    """Changes that are made with one another; `together.Together` is it."""

    async def join(self, writer: Writer, attempt: Attempt[T]) -> T:
        """Have a change made with those of the others."""
        ...


def writing() -> Session | None:
    """The session of the change that is being made here, None outside of one."""
    return _session.get()


class _Job:
    """A change that waits, in the context of who asked for it; who waits does so in a thread, or in a coroutine."""

    def __init__(self, attempt: Attempt[Any], future: Future[Any] | asyncio.Future[Any]) -> None:
        self.attempt, self.future = attempt, future
        self.context: Context = copy_context()


class Writer:
    """Writes to the database of an engine. The thread starts with the first change and ends with `close`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(**{WRITES: True})
        self._jobs: deque[_Job] = deque()
        self._there = threading.Condition()
        self._thread: threading.Thread | None = None

    def submit(self, work: Work[T]) -> Future[T]:
        """Have a change made; the future has its result, or what it raised, once all is on disk."""
        return self.try_(partial(attempt, work=work))

    def try_(self, attempt: Attempt[T]) -> Future[T]:
        """As `submit`, of a change that says itself how it is taken back."""
        future: Future[T] = Future()
        self._queue(_Job(attempt, future))
        return future

    def run(self, work: Work[T]) -> T:
        """As `submit`, and wait. Inside a change it is a part of that one."""
        session = writing()
        return self.submit(work).result() if session is None else work(session)

    async def do(self, work: Work[T]) -> T:
        """As `submit`, and wait in a coroutine; one that is cancelled meanwhile does not undo the change.

        Inside of `together.party` it waits for the other parties.
        """
        return await self._joined(partial(attempt, work=work))

    async def add(self, adding: Adding[T]) -> T:
        """As `do`, of a change that only looks and adds: it costs the least."""
        return await self._joined(partial(attempt_adding, adding=adding))

    async def alone(self, attempt: Attempt[T]) -> T:
        """As `try_`, and wait in a coroutine, but for no other parties."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue(_Job(attempt, future))
        return await future

    async def _joined(self, attempt: Attempt[T]) -> T:
        group = _group.get()
        return await (group.join(self, attempt) if group else self.alone(attempt))

    def _queue(self, job: _Job) -> None:
        with self._there:
            self._jobs.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="presto writer", daemon=True)
                self._thread.start()
            self._there.notify()

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
            self._write(group)

    def _write(self, group: Sequence[_Job]) -> None:
        try:
            with Session(self._engine) as session, session.begin():
                outcomes = [job.context.run(job.attempt, session) for job in group]
                write_waiting(session)
        except Exception as error:  # noqa: BLE001  # whatever it was, nothing is stored: all who wait are told
            outcomes = [Outcome(fault=error)] * len(group)
        _tell(group, outcomes)


def attempt(session: Session, work: Work[T]) -> Outcome[T]:
    """The change in a savepoint, which takes it back when it fails; it finds written what others have added before."""
    write_waiting(session)
    try:
        with session.begin_nested():
            _session.set(session)
            return Outcome(work(session))
    except Exception as error:  # noqa: BLE001  # it is raised where the change was asked for
        return Outcome(fault=error)
    finally:
        # What others change by statements must not be hidden by rows that were read before.
        session.expunge_all()


def attempt_adding(session: Session, adding: Adding[T]) -> Outcome[T]:
    """What the change adds waits to be written with that of the others; when it fails there is nothing to take back."""
    added = Additions()
    try:
        _session.set(session)
        added.outcome.value = adding(added)
    except Exception as error:  # noqa: BLE001  # it is raised where the change was asked for
        return Outcome(fault=error)
    wait(session, added)
    return added.outcome


def _tell(group: Sequence[_Job], outcomes: Sequence[Outcome[Any]]) -> None:
    """Tell all who wait, those of an event loop at one blow."""
    told: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Outcome[Any]]]] = {}
    for job, outcome in zip(group, outcomes, strict=True):
        if isinstance(job.future, asyncio.Future):
            told.setdefault(job.future.get_loop(), []).append((job.future, outcome))
        elif job.future.set_running_or_notify_cancel():
            _settle(job.future, outcome)
    for loop, waiting in told.items():
        with suppress(RuntimeError):  # the loop has ended, and with it whoever waits
            loop.call_soon_threadsafe(_settle_all, waiting)


def _settle_all(waiting: Sequence[tuple[asyncio.Future[Any], Outcome[Any]]]) -> None:
    for future, outcome in waiting:
        if not future.done():
            _settle(future, outcome)


def _settle(future: Future[Any] | asyncio.Future[Any], outcome: Outcome[Any]) -> None:
    if outcome.fault:
        future.set_exception(outcome.fault)
    else:
        future.set_result(outcome.value)
