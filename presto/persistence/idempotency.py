"""Answers that are kept under the client's `Idempotency-Key`, in the very transaction that carries the request out.

A request that carries a key is an `Attempt` while it is under way. The first transaction that writes anything for it
stores the key too, with the answer when the face has promised one (`answering`). So a request is carried out and its
key known, or neither: whenever the server is killed, a repeated request never orders twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, cast

from sqlalchemy import (
    JSON,
    Connection,
    DateTime,
    Engine,
    LargeBinary,
    String,
    Table,
    bindparam,
    delete,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column
from starlette.responses import Response

from common.database import WRITES
from presto.domain.credentials import utc_now
from presto.domain.settings import KEPT
from presto.persistence.additions import Additions
from presto.persistence.new_order import Receipt
from presto.persistence.prepared import Prepared
from presto.persistence.tables import Base, NewService, ServiceRow

LONGEST_KEY = 255


class IdempotencyRow(Base):
    """What was answered to a request; `status` is missing when the server was stopped before there was an answer."""

    __tablename__ = "presto_idempotency_keys"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(LONGEST_KEY), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    made: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    status: Mapped[int | None]
    headers: Mapped[Any] = mapped_column(JSON)
    body: Mapped[bytes] = mapped_column(LargeBinary)


class ExternalIdRow(Base):
    """The order that was placed under a client's own id for it; `digest` because such an id may be of any length."""

    __tablename__ = "presto_external_ids"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    order: Mapped[str] = mapped_column(String(36))


# Made once, because to make a statement costs more than to carry it out.
_KEYS = cast(Table, IdempotencyRow.__table__)
_FORGET, _NEW_KEY = Prepared(delete(_KEYS).where(_KEYS.c.made < bindparam("too_old"))), Prepared(insert(_KEYS))


@dataclass(frozen=True)
class Answer:
    """A response as it is sent."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


_NOT_KEPT = frozenset({"content-length", "date", "server"})


def kept_headers(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The headers that belong to an answer, and not to one sending of it."""
    return tuple((name, value) for name, value in headers if name.casefold() not in _NOT_KEPT)


def answer_of(response: Response) -> Answer:
    """What is kept of a response."""
    return Answer(response.status_code, kept_headers(response.headers.items()), bytes(response.body))


@dataclass(frozen=True)
class Written:
    """What the transaction of a request has written: a service, an order, or both."""

    service: ServiceRow | NewService | None = None
    order: Receipt | None = None


Promise = Callable[[Written], Answer]
"""Makes the answer from what was written, inside the transaction."""


@dataclass
class Attempt:
    """A request with a key; `stored` once a transaction has it, with `answer` when that was promised."""

    owner: str
    key: str
    fingerprint: str
    kept: timedelta = KEPT
    promise: Promise | None = None
    written: Written = Written()
    stored: bool = False
    answer: Answer | None = None
    open: bool = field(default=True)


@dataclass(frozen=True)
class Known:
    """A request that came before; without an answer when the server was stopped in between."""

    fingerprint: str
    answer: Answer | None


_attempt: ContextVar[Attempt | None] = ContextVar("presto_idempotent_attempt", default=None)


@contextmanager
def under_way(attempt: Attempt) -> Iterator[None]:
    """What is written inside is written for that request; work that is only started inside is not."""
    token = _attempt.set(attempt)
    try:
        yield
    finally:
        attempt.open = False
        _attempt.reset(token)


@contextmanager
def answering(promise: Promise) -> Iterator[None]:
    """Say how the answer is made of what is written inside."""
    attempt = _attempt.get()
    if attempt:
        attempt.promise = promise
    yield


def wrote(**what: Any) -> None:
    """Tell what was written for the request that is under way, by the names of `Written`."""
    attempt = _attempt.get()
    if attempt and attempt.open and not attempt.stored:
        attempt.written = replace(attempt.written, **what)


def keep_with(added: Additions) -> None:
    """Have the request that is under way stored, with its key and answer, by the change that adds something for it."""
    attempt = _attempt.get()
    if attempt and attempt.open and not attempt.stored:
        _answer(attempt)
        for statement, values in _kept(attempt):
            added.add(statement, [values])


@event.listens_for(Session, "before_commit")
def _store_with_it(session: Session) -> None:
    attempt = _attempt.get()
    if attempt and attempt.open and not attempt.stored and _writes(session):
        session.flush()
        _answer(attempt)
        _insert(session, attempt)


def _writes(session: Session) -> bool:
    bind: Engine | Connection = session.get_bind()
    return bool(bind.get_execution_options().get(WRITES))


def _answer(attempt: Attempt) -> None:
    if attempt.promise and attempt.written != Written():
        attempt.answer = attempt.promise(attempt.written)
    attempt.stored = True


def _insert(session: Session, attempt: Attempt) -> None:
    for statement, values in _kept(attempt):
        statement.execute(session.connection(), [values])


def _kept(attempt: Attempt) -> Iterator[tuple[Prepared, dict[str, Any]]]:
    """The statements that keep a request, with their values: keys that are too old make room for it."""
    now = utc_now()
    yield _FORGET, {"too_old": now - attempt.kept}
    values = {"owner": attempt.owner, "key": attempt.key, "fingerprint": attempt.fingerprint, "made": now}
    yield _NEW_KEY, {**values, **_columns(attempt.answer)}


def _columns(answer: Answer | None) -> dict[str, Any]:
    if answer is None:
        return {"status": None, "headers": [], "body": b""}
    return {"status": answer.status, "headers": [list(header) for header in answer.headers], "body": answer.body}


def external_digest(external_id: str) -> str:
    """The key of a client's own id for an order."""
    return sha256(external_id.encode(errors="surrogatepass")).hexdigest()


class Keys:
    """The kept answers of a database."""

    def __init__(self, engine: Engine, kept: timedelta = KEPT) -> None:
        self._engine, self._writer = engine, engine.execution_options(**{WRITES: True})
        self.kept = kept

    def find(self, owner: str, key: str) -> Known | None:
        """What was answered to the request with this key, unless that is too long ago."""
        young = IdempotencyRow.made >= utc_now() - self.kept
        query = select(IdempotencyRow).where(IdempotencyRow.owner == owner, IdempotencyRow.key == key, young)
        with Session(self._engine) as session:
            row = session.scalar(query)
            if row is None:
                return None
            headers = tuple((name, value) for name, value in row.headers)
            answer = Answer(row.status, headers, row.body) if row.status is not None else None
            return Known(row.fingerprint, answer)

    def complete(self, attempt: Attempt, answer: Answer) -> None:
        """Keep the answer to a request that promised none, or wrote nothing."""
        attempt.answer = answer
        mine = (IdempotencyRow.owner == attempt.owner, IdempotencyRow.key == attempt.key)
        try:
            with Session(self._writer) as session, session.begin():
                if attempt.stored:
                    session.execute(update(IdempotencyRow).where(*mine).values(**_columns(answer)))
                else:
                    _insert(session, attempt)
        except IntegrityError:
            return  # another server has answered the same request meanwhile; neither has ordered anything
