"""Answers that are kept under the client's `Idempotency-Key`, in the very transaction that carries the request out.

`presto.web.idempotency.IdempotencyGuard` puts a `KeyedRequest` into the scope of a request with a key; the handler
takes it out and passes it on to the transaction, which stores the key, and the answer where the handler can make it
from what is stored. So a request is carried out and its key known, or neither: a server that is killed never orders
twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

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
from presto.persistence.tables import Base

if TYPE_CHECKING:
    from presto.persistence.unit_of_work import UnitOfWork

LONGEST_KEY = 255
SCOPE = "lso.keyed_request"
"""Where the request stands in an ASGI scope."""

Row = Mapping[str, Any]
"""Values of a table's columns by their names."""


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
_FORGET, _NEW_KEY = delete(_KEYS).where(_KEYS.c.made < bindparam("too_old")), insert(_KEYS)


@dataclass(frozen=True)
class KeptAnswer:
    """A response as it is sent."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


_NOT_KEPT = frozenset({"content-length", "date", "server"})


def kept_headers(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The headers that belong to an answer, and not to one sending of it."""
    return tuple((name, value) for name, value in headers if name.casefold() not in _NOT_KEPT)


def answer_of(response: Response) -> KeptAnswer:
    """What is kept of a response."""
    return KeptAnswer(response.status_code, kept_headers(response.headers.items()), bytes(response.body))


@dataclass(eq=False)
class KeyedRequest:
    """A request with a key; `stored` once a transaction has it, with `answer` where `render` makes one.

    `render` makes the answer from what the unit of work has stored, None where it is made later.
    """

    owner: str
    key: str
    fingerprint: str
    kept: timedelta = KEPT
    render: Callable[[UnitOfWork], KeptAnswer | None] | None = None
    stored: bool = False
    answer: KeptAnswer | None = None


def keyed_request(
    scope: Mapping[str, Any], render: Callable[[UnitOfWork], KeptAnswer | None] | None = None
) -> KeyedRequest | None:
    """The request of an ASGI scope, when it came with a key; `render` makes its answer."""
    request: KeyedRequest | None = scope.get(SCOPE)
    if request:
        request.render = render
    return request


@dataclass(frozen=True)
class Known:
    """A request that came before; without an answer when the server was stopped in between."""

    fingerprint: str
    answer: KeptAnswer | None


def store_request(connection: Connection, request: KeyedRequest | None, answer: KeptAnswer | None = None) -> None:
    """Keep a request with its answer, in the transaction that carries it out; keys that are too old make room."""
    if request is None or request.stored:
        return
    now = utc_now()
    connection.execute(_FORGET, {"too_old": now - request.kept})
    values = {"owner": request.owner, "key": request.key, "fingerprint": request.fingerprint, "made": now}
    connection.execute(_NEW_KEY, {**values, **_columns(answer)})
    request.stored, request.answer = True, answer


def _columns(answer: KeptAnswer | None) -> dict[str, Any]:
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
            answer = KeptAnswer(row.status, headers, row.body) if row.status is not None else None
            return Known(row.fingerprint, answer)

    def complete(self, request: KeyedRequest, answer: KeptAnswer) -> None:
        """Keep the answer to a request that was stored without, or that stored nothing."""
        mine = (IdempotencyRow.owner == request.owner, IdempotencyRow.key == request.key)
        try:
            with self._writer.begin() as connection:
                if request.stored:
                    connection.execute(update(IdempotencyRow).where(*mine).values(**_columns(answer)))
                store_request(connection, request, answer)
        except IntegrityError:
            return  # another server has answered the same request meanwhile; neither has ordered anything
