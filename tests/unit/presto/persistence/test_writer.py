"""Changes that wait together are one commit; each is answered after it, and one that fails takes nothing with it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from presto.persistence import events, locked_unis
from presto.persistence.event_log import EventLog
from presto.persistence.idempotency import KeptAnswer, KeyedRequest, Keys, Known
from presto.persistence.tables import LockedUniRow, open_engine
from presto.persistence.unit_of_work import UnitOfWork
from presto.persistence.writer import Change, NotStored, Writer


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

    def hold(unit: UnitOfWork) -> None:
        assert unit.connection
        begun.set()
        assert go.wait(10)

    future = writer.submit(hold)
    assert begun.wait(10)
    yield
    go.set()
    future.result(10)


def lock(writer: Writer, uni: str) -> Future[None]:
    return writer.submit(lambda unit: locked_unis.lock(unit, uni))


def again(writer: Writer, uni: str) -> Future[None]:
    """Lock a UNI without a look whether it is locked."""
    return writer.submit(lambda unit: unit.session.add(LockedUniRow(uni=uni)))


def locked(engine: Engine) -> set[str]:
    with Session(engine) as session:
        return set(session.scalars(select(LockedUniRow.uni)))


def told(engine: Engine) -> list[tuple[int, str]]:
    return [(event.sequence, event.object) for event in EventLog(engine).read(0, 100)]


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
    def fail(unit: UnitOfWork) -> None:
        locked_unis.lock(unit, "u9")
        raise LookupError("no")

    with held(writer):
        before, failing, twin, after = lock(writer, "u1"), writer.submit(fail), again(writer, "u1"), lock(writer, "u2")
    assert isinstance(failing.exception(10), LookupError)
    assert isinstance(twin.exception(10), IntegrityError)
    assert (before.result(10), after.result(10)) == (None, None)
    assert locked(engine) == {"u1", "u2"}
    assert told(engine) == [(1, "u1"), (2, "u2")], "no gap, nothing of the failed ones"


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


def test_changes_are_made_in_the_context_of_who_asks(writer: Writer) -> None:
    tenant: ContextVar[str] = ContextVar("tenant", default="nobody")
    tenant.set("acme")
    assert writer.run(lambda _unit: tenant.get()) == "acme"


def test_closing_makes_what_waits_and_a_later_change_starts_anew(engine: Engine, writer: Writer) -> None:
    future = lock(writer, "u1")
    writer.close()
    assert future.done()
    assert lock(writer, "u2").result(10) is None
    assert locked(engine) == {"u1", "u2"}


def test_every_change_finds_what_was_made_before(engine: Engine, writer: Writer) -> None:
    with held(writer):
        lock(writer, "u1")
        seen = writer.submit(lambda unit: set(unit.session.scalars(select(LockedUniRow.uni))))
    assert seen.result(10) == {"u1"}


def test_one_that_cannot_be_stored_fails_alone(engine: Engine, writer: Writer) -> None:
    with held(writer):
        first, no_text, last = lock(writer, "u1"), lock(writer, "u\ud800"), lock(writer, "u2")
    assert isinstance(no_text.exception(10), UnicodeError)
    assert (first.result(10), last.result(10)) == (None, None)
    assert told(engine) == [(1, "u1"), (2, "u2")]


def failing(_unit: UnitOfWork) -> None:
    raise LookupError("no")


@pytest.mark.parametrize(("all_or_none", "stored"), [(True, set()), (False, {"u1", "u2"})])
def test_a_batch_is_stored_as_a_whole_or_as_far_as_it_goes(
    engine: Engine, writer: Writer, all_or_none: bool, stored: set[str]
) -> None:
    changes: list[Change[None]] = [
        partial(locked_unis.lock, resource="u1"),
        failing,
        partial(locked_unis.lock, resource="u2"),
    ]
    outcomes = asyncio.run(writer.run_batch(changes, all_or_none=all_or_none))
    others = NotStored if all_or_none else type(None)
    assert [type(outcome.fault) for outcome in outcomes] == [others, LookupError, others]
    assert locked(engine) == stored
    assert {object_id for _, object_id in told(engine)} == stored


def test_the_key_of_a_request_is_stored_with_what_it_asks_for_or_not_at_all(engine: Engine, writer: Writer) -> None:
    keys, answer = Keys(engine), KeptAnswer(201, (), b"made")
    good, bad = (KeyedRequest("acme", key, "f", render=lambda _unit: answer) for key in ("good", "bad"))
    writer.run(partial(locked_unis.lock, resource="u1"), good)
    with pytest.raises(LookupError):
        writer.run(failing, bad)
    assert keys.find("acme", "good") == Known("f", answer)
    assert keys.find("acme", "bad") is None


def test_an_answer_that_cannot_be_made_takes_back_what_was_stored(engine: Engine, writer: Writer) -> None:
    def render(_unit: UnitOfWork) -> KeptAnswer:
        raise LookupError("no answer")

    with pytest.raises(LookupError, match="no answer"):
        writer.run(partial(locked_unis.lock, resource="u1"), KeyedRequest("acme", "k", "f", render=render))
    assert locked(engine) == set()
