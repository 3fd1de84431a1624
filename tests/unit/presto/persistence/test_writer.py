"""Changes that wait together are one commit; each is answered after it, and one that fails takes nothing with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import Engine, Table, event, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from presto.persistence import events
from presto.persistence.additions import Additions, waiting
from presto.persistence.event_log import EventLog
from presto.persistence.event_tables import EventRow
from presto.persistence.events import EventType, NewEvent
from presto.persistence.prepared import Prepared
from presto.persistence.tables import LockedUniRow, open_engine
from presto.persistence.writer import Writer, attempt_adding, writing


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


LOCK = Prepared(insert(cast(Table, LockedUniRow.__table__)))


def add(writer: Writer, *unis: str, check: Callable[[], None] = lambda: None) -> Future[str]:
    """Lock UNIs by additions, with an event for each."""

    def adding(added: Additions) -> str:
        check()
        for uni in unis:
            added.add(LOCK, [{"uni": uni, "tenant": ""}])
            added.events.append(NewEvent(EventType.SERVICE_STATE_CHANGE, uni, None, "inactive"))
        return unis[0]

    return writer.try_(partial(attempt_adding, adding=adding))


def told(engine: Engine) -> list[tuple[int, str]]:
    return [(event.sequence, event.object) for event in EventLog(engine).read(0, 100)]


def test_what_a_group_adds_is_written_by_one_statement(engine: Engine, writer: Writer) -> None:
    statements: list[str] = []
    with held(writer):
        futures = [add(writer, f"u{number}") for number in range(20)]
        event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2].split()[0]))
    assert [future.result(10) for future in futures] == [f"u{number}" for number in range(20)]
    assert locked(engine) == {f"u{number}" for number in range(20)}
    assert statements[statements.index("BEGIN") :][:4] == ["BEGIN", "SAVEPOINT", "INSERT", "RELEASE"]


def test_additions_that_fail_take_nothing_with_them(engine: Engine, writer: Writer) -> None:
    def refuse() -> None:
        raise LookupError("no")

    with held(writer):
        first, refused, twin, last = (
            add(writer, "u1"),
            add(writer, "u9", check=refuse),
            add(writer, "u3", "u1"),
            add(writer, "u2"),
        )
    assert isinstance(refused.exception(10), LookupError)
    assert isinstance(twin.exception(10), IntegrityError)
    assert (first.result(10), last.result(10)) == ("u1", "u2")
    assert told(engine) == [(1, "u1"), (2, "u2")], "no gap, nothing of the failed ones"
    assert locked(engine) == {"u1", "u2"}


def test_additions_that_cannot_be_stored_fail_alone(engine: Engine, writer: Writer) -> None:
    with held(writer):
        first, no_text, last = add(writer, "u1"), add(writer, "u\ud800"), add(writer, "u2")
    assert isinstance(no_text.exception(10), UnicodeError)
    assert (first.result(10), last.result(10)) == ("u1", "u2")
    assert told(engine) == [(1, "u1"), (2, "u2")]


def test_every_other_change_finds_what_was_added_before(engine: Engine, writer: Writer) -> None:
    with held(writer):
        add(writer, "u1")
        seen = writer.submit(lambda session: set(session.scalars(select(LockedUniRow.uni))))
        twin = lock(writer, "u1")
    assert seen.result(10) == {"u1"}
    assert isinstance(twin.exception(10), IntegrityError)
    assert told(engine) == [(1, "u1")]


def test_who_looks_finds_what_waits(writer: Writer) -> None:
    found: list[set[str]] = []

    def look() -> None:
        session = writing()
        assert session is not None
        found.append({row["uni"] for row in waiting(session, LOCK)})

    with held(writer):
        add(writer, "u1")
        last = add(writer, "u2", check=look)
    assert last.result(10) == "u2"
    assert found == [{"u1"}]
