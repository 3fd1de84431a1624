"""Changes that wait together are one commit; each is answered after it, and one that fails takes nothing with it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from presto.core import events
from presto.core.event_tables import EventRow
from presto.core.tables import LockedUniRow, open_engine
from presto.core.writer import Writer, writing


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_engine(str(tmp_path / "lso.db"))


@pytest.fixture
def writer(engine: Engine) -> Iterator[Writer]:
    writer = Writer(engine)
    yield writer
    writer.close()


@contextmanager
def held(writer: Writer) -> Iterator[None]:
    """Meanwhile the writer's thread is busy, so that everything that is submitted waits for one group."""
    begun, go = threading.Event(), threading.Event()

    def hold(session: Session) -> None:
        session.connection()
        begun.set()
        assert go.wait(10)

    future = writer.submit(hold)
    assert begun.wait(10)
    yield
    go.set()
    future.result(10)


def lock(writer: Writer, uni: str) -> Future[None]:
    return writer.submit(lambda session: session.add(LockedUniRow(uni=uni)))


def locked(engine: Engine) -> set[str]:
    with Session(engine) as session:
        return set(session.scalars(select(LockedUniRow.uni)))


def test_one_commit_for_all_that_wait(engine: Engine, writer: Writer) -> None:
    with held(writer):
        futures = [lock(writer, f"u{number}") for number in range(20)]
        assert locked(engine) == set()
        commits: list[object] = []
        # The group that is held commits first, then the one that waited.
        event.listen(engine, "commit", commits.append)
    wait(futures, 10)
    assert len(commits) == 2
    assert len(locked(engine)) == 20


def test_answered_after_the_commit(engine: Engine, writer: Writer) -> None:
    assert not lock(writer, "u1").result(10)
    assert locked(engine) == {"u1"}


def test_one_that_fails_takes_nothing_with_it(engine: Engine, writer: Writer) -> None:
    def fail(session: Session) -> None:
        session.add(LockedUniRow(uni="u9"))
        session.flush()
        raise LookupError("no")

    with held(writer):
        before, failing, twin, after = lock(writer, "u1"), writer.submit(fail), lock(writer, "u1"), lock(writer, "u2")
    assert isinstance(failing.exception(10), LookupError)
    assert isinstance(twin.exception(10), IntegrityError)
    assert (before.result(10), after.result(10)) == (None, None)
    assert locked(engine) == {"u1", "u2"}
    with Session(engine) as session:
        rows = list(session.scalars(select(EventRow).order_by(EventRow.sequence)))
    assert [(row.sequence, row.object) for row in rows] == [(1, "u1"), (2, "u2")], "no gap, nothing of the failed ones"


def test_who_listens_hears_after_the_commit(engine: Engine, writer: Writer) -> None:
    seen: list[set[str]] = []
    end = events.watch(lambda _pool, _written: seen.append(locked(engine)))
    with held(writer):
        futures = [lock(writer, "u1"), lock(writer, "u2")]
    wait(futures, 10)
    end()
    assert seen[-1] == {"u1", "u2"}
    assert {"u1"} not in seen


def test_when_the_commit_fails_all_are_told_and_nothing_is_there(engine: Engine, writer: Writer) -> None:
    commits: list[object] = []

    def refuse(connection: object) -> None:
        commits.append(connection)
        if len(commits) == 2:  # the first is that of the group which is held
            raise OperationalError("COMMIT", {}, Exception("disk is full"))

    with held(writer):
        futures = [lock(writer, "u1"), lock(writer, "u2")]
        event.listen(engine, "commit", refuse)
    assert [type(future.exception(10)) for future in futures] == [OperationalError, OperationalError]
    assert locked(engine) == set()
    assert lock(writer, "u3").result(10) is None


def test_a_change_inside_a_change_is_a_part_of_it(engine: Engine, writer: Writer) -> None:
    def outer(session: Session) -> bool:
        writer.run(lambda inner: inner.add(LockedUniRow(uni="u1")))
        raise LookupError("taken back")

    with pytest.raises(LookupError):
        writer.run(outer)
    assert locked(engine) == set()
    assert writing() is None


def test_changes_are_made_in_the_context_of_who_asks(writer: Writer) -> None:
    tenant: ContextVar[str] = ContextVar("tenant", default="nobody")
    tenant.set("acme")
    assert writer.run(lambda _session: tenant.get()) == "acme"


def test_closing_makes_what_waits_and_a_later_change_starts_anew(engine: Engine, writer: Writer) -> None:
    future = lock(writer, "u1")
    writer.close()
    assert future.done()
    assert lock(writer, "u2").result(10) is None
    assert locked(engine) == {"u1", "u2"}
