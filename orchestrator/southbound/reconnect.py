"""Work on a connection that may be lost meanwhile: the connection is made anew and the work repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from orchestrator.model import UcpeError, UcpeUnreachable

T = TypeVar("T")

PAUSES = (0.1, 0.5, 1.0)
"""Seconds before the second attempt and those after it."""


class Connection(Protocol):
    """`failure` is why it is of no more use."""

    @property
    def failure(self) -> UcpeError | None: ...


C = TypeVar("C", bound=Connection)


async def on_connection(connection: Callable[[], Awaitable[C]], work: Callable[[C], Awaitable[T]]) -> T:
    """Do work that may be repeated, from its start on a new connection each time that the former was lost.

    `connection` gives the one there is, made anew when that was lost. Open vSwitch drops an OpenFlow connection when
    the datapath id changes, and both kinds when 5 s after a probe of inactivity (itself sent after 5 s without a
    message) it has seen no answer. On a machine with too much to do either side may be that late, and the next message
    then meets a closed connection. Raises what the work raises while the connection holds, and UcpeUnreachable when it
    is lost once more after the last pause.
    """
    for pause in PAUSES:
        try:
            return await _attempt(connection, work)
        except _Lost:
            await asyncio.sleep(pause)
    try:
        return await _attempt(connection, work)
    except _Lost as lost:
        raise lost.error from None  # the error is the cause of the loss


class _Lost(Exception):
    """There is no connection any more, or not again."""

    def __init__(self, error: UcpeError) -> None:
        super().__init__(str(error))
        self.error = error


async def _attempt(connection: Callable[[], Awaitable[C]], work: Callable[[C], Awaitable[T]]) -> T:
    try:
        there = await connection()
    except UcpeUnreachable as error:
        raise _Lost(error) from error
    try:
        return await work(there)
    except UcpeError as error:
        if there.failure:
            raise _Lost(error) from error
        raise
