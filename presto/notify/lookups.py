"""Looking up the names of callbacks, so that a name server that does not answer makes nobody else wait.

A lookup cannot be stopped: it keeps its thread for as long as the system tries, with a dead name server for half a
minute and more. The threads of the event loop are few, so these are threads of their own.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import OrderedDict
from concurrent.futures import Future
from threading import Thread

CONCURRENT = 128
"""Lookups at a time: each has a thread and a socket."""

SLOW_CONCURRENT = 16
"""And of names that were slow the last time."""

SLOW = 1.0
"""Seconds."""

_REMEMBERED = 10_000
"""Names that were slow, at most."""


class Lookups:
    """Lookups of one event loop: of each name one at a time, which all who wait for it share.

    Names that were slow are looked up apart, so that they do not take the places of others time and again.
    """

    def __init__(self) -> None:
        self._places, self._slow_places = asyncio.Semaphore(CONCURRENT), asyncio.Semaphore(SLOW_CONCURRENT)
        self._slow: OrderedDict[str, None] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[list[str]]] = {}

    async def addresses(self, host: str) -> list[str]:
        """The addresses of a name, at least one. Raises OSError when there is none, UnicodeError when it is no name."""
        if host not in self._under_way:
            task = asyncio.create_task(self._look_up(host), name=f"lookup of {host}")
            task.add_done_callback(_noticed)
            self._under_way[host] = task
        # Who gives up waiting leaves the lookup to the others.
        return await asyncio.shield(self._under_way[host])

    async def _look_up(self, host: str) -> list[str]:
        """Holds a place for as long as the thread runs."""
        try:
            async with self._slow_places if host in self._slow else self._places:
                began = time.monotonic()
                try:
                    return await _in_thread(host)
                finally:
                    self._note(host, time.monotonic() - began)
        finally:
            del self._under_way[host]

    def _note(self, host: str, seconds: float) -> None:
        self._slow.pop(host, None)
        if seconds > SLOW:
            self._slow[host] = None
        if len(self._slow) > _REMEMBERED:
            self._slow.popitem(last=False)


def _noticed(task: asyncio.Task[list[str]]) -> None:
    """What went wrong is told to who waits; when nobody does any more it is no fault of ours."""
    if not task.cancelled():
        task.exception()


def _in_thread(host: str) -> asyncio.Future[list[str]]:
    """As a daemon a thread that hangs does not keep the server from ending."""
    found: Future[list[str]] = Future()
    Thread(target=_resolve, args=(host, found), name=f"lookup of {host}", daemon=True).start()
    return asyncio.wrap_future(found)


def _resolve(host: str, found: Future[list[str]]) -> None:
    if not found.set_running_or_notify_cancel():
        return
    try:
        entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        found.set_exception(error)
    else:
        found.set_result([str(entry[4][0]) for entry in entries])
