"""Changes of one transaction, each checked as if those before it were stored: all are made, or all that can be."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from presto.persistence.additions import Outcome, write_waiting
from presto.persistence.writer import Attempt, Writer, _group, attempt

T = TypeVar("T")


class NotAlone(Exception):
    """Nothing is wrong with this change, but with another one of its group, so none was made."""


class _Refused(Exception):
    """Takes everything back; `outcomes` are those of all changes."""

    def __init__(self, outcomes: list[Outcome[Any]]) -> None:
        super().__init__("a change of the group is refused")
        self.outcomes = outcomes


@dataclass(frozen=True)
class _Waiting:
    number: int
    context: Context
    attempt: Attempt[Any]
    future: asyncio.Future[Any]


class Together:
    """A group of parties, each a coroutine that makes one change or ends without.

    Once every party has come to its change or to its end, all changes are made in one transaction: with `or_none` all
    or none, otherwise all but those that are refused.
    """

    def __init__(self, parties: int, *, or_none: bool = True) -> None:
        self._missing, self._or_none = parties, or_none
        self._spoilt = False
        self._waiting: list[_Waiting] = []
        self._parties = 0
        self._writer: Writer | None = None
        self._work: asyncio.Task[None] | None = None

    @contextmanager
    def party(self) -> Iterator[None]:
        """The change that is made inside is one of the group; with `or_none` the others are not made without one."""
        party = _Party(self, self._parties)
        self._parties += 1
        token = _group.set(party)
        try:
            yield
        finally:
            _group.reset(token)
            if not party.came:
                self._spoilt = True
                self._arrived()

    async def join(self, number: int, writer: Writer, attempt: Attempt[T]) -> T:
        """Have a change made with those of the others, in the order of the parties' numbers.

        Raises what it raises, and NotAlone.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(number, copy_context(), attempt, future))
        self._writer = writer
        self._arrived()
        return await future

    def _arrived(self) -> None:
        self._missing -= 1
        if self._missing == 0 and self._writer is not None:
            self._waiting.sort(key=lambda waiting: waiting.number)
            self._work = asyncio.create_task(self._make(self._writer), name="changes together")

    async def _make(self, writer: Writer) -> None:
        try:
            outcomes = await writer.alone(partial(attempt, work=self._all))
        except _Refused as refused:
            outcomes = [Outcome(fault=outcome.fault or NotAlone()) for outcome in refused.outcomes]
        except Exception as error:  # noqa: BLE001  # whatever it was, nothing is stored: all who wait are told
            outcomes = [Outcome(fault=error)] * len(self._waiting)
        for waiting, outcome in zip(self._waiting, outcomes, strict=True):
            if waiting.future.done():
                continue
            if outcome.fault:
                waiting.future.set_exception(outcome.fault)
            else:
                waiting.future.set_result(outcome.value)

    def _all(self, session: Session) -> list[Outcome[Any]]:
        outcomes = [waiting.context.run(waiting.attempt, session) for waiting in self._waiting]
        write_waiting(session)
        if self._or_none and (self._spoilt or any(outcome.fault for outcome in outcomes)):
            raise _Refused(outcomes)
        return outcomes


class _Party:
    """One of a group; what it changes after its change is its own."""

    def __init__(self, group: Together, number: int) -> None:
        self._group, self._number = group, number
        self.came = False

    async def join(self, writer: Writer, attempt: Attempt[T]) -> T:
        if self.came:
            return await writer.alone(attempt)
        self.came = True
        return await self._group.join(self._number, writer, attempt)
