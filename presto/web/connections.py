"""Limits on the number of connections, which keep no client out whose requests are accepted.

A request is accepted when its token is valid, or, where authentication is off, when it is sent to one of our host
names. Connections without one share a part of the places only. Where it is full, the newest takes the place of the
one that has waited longest, so that many connections on which nothing is sent keep nobody out.
"""

from __future__ import annotations

import logging
import resource
from collections import Counter
from dataclasses import dataclass
from typing import Protocol

from starlette.types import Scope

from common.text import counted
from presto.web.limits import BODY_SECONDS

log = logging.getLogger(__name__)

EXTENSION = "lso.connection"
"""Where a request's scope has its connection."""

_SAID_EVERY = 5.0
"""Seconds between two lines of the log about the same."""


@dataclass(frozen=True)
class Bounds:
    """Bytes and fields of a header, seconds for it and for what follows, and how many connections there can be.

    `body_timeout` is longer than a body may take, which is answered with 408.
    """

    header: int = 64 << 10
    fields: int = 100
    header_timeout: float = 10.0
    body_timeout: float = BODY_SECONDS + 5
    unread_timeout: float = 60.0
    connections: int = 2000

    @property
    def unaccepted(self) -> int:
        """The most connections without an accepted request: three of four."""
        return max(1, self.connections * 3 // 4)

    @property
    def of_one_client(self) -> int:
        """Connections of one client that keep their places; those beyond them may lose them."""
        return max(1, self.connections // 8)


def places(wanted: int = Bounds.connections) -> int:
    """How many connections there can be with the files that this process may open: a quarter is for other things."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2 * wanted:
        soft = 2 * wanted if hard == resource.RLIM_INFINITY else min(hard, 2 * wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(8, min(wanted, soft * 3 // 4))


class Connection(Protocol):
    """What the gate knows of a connection."""

    @property
    def deadline(self) -> float:
        """When it is closed, in the loop's time, unless its client has sent or read what it must by then."""

    @property
    def waits(self) -> bool:
        """Whether the server waits for the client."""

    def drop(self) -> None:
        """Close it without an answer."""


class Gate:
    """All connections of a server; `tick` ends overdue ones, and is called several times a second."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self.bounds = bounds or Bounds()
        self._unaccepted: dict[Connection, None] = {}
        self._known: dict[Connection, str] = {}
        self._held = Counter[str]()
        self._late = self._displaced = self._refused = 0
        self._said = 0.0

    def enter(self, connection: Connection) -> bool:
        """Give a new connection a place, another one's if need be; False: there is none."""
        room = min(self.bounds.unaccepted, self.bounds.connections - len(self._known))
        if room <= 0:
            self._refused += 1
            return False
        while len(self._unaccepted) >= room:
            oldest = next((one for one in self._unaccepted if one.waits), next(iter(self._unaccepted)))
            self.leave(oldest)
            oldest.drop()
            self._displaced += 1
        self._unaccepted[connection] = None
        return True

    def admit(self, connection: Connection, client: str = "") -> None:
        """A request on it was accepted: it keeps its place, unless the client is named and has many."""
        if connection in self._unaccepted and not (client and self._held[client] >= self.bounds.of_one_client):
            del self._unaccepted[connection]
            self._known[connection] = client
            self._held[client] += 1

    def leave(self, connection: Connection) -> None:
        """Give the place of a closed connection back."""
        self._unaccepted.pop(connection, None)
        client = self._known.pop(connection, None)
        if client is not None:
            self._held[client] -= 1

    def tick(self, now: float) -> None:
        """Close overdue connections, and log what was done every few seconds; *now* is the loop's time."""
        for connection in [one for one in (*self._unaccepted, *self._known) if one.deadline < now]:
            self._late += 1
            self.leave(connection)
            connection.drop()
        if now >= self._said + _SAID_EVERY:
            self.say(now)

    def say(self, now: float) -> None:
        """Log what was done since the last time."""
        for count, text in (
            (self._late, "%s ended: what was to be sent or read took too long"),
            (self._displaced, "%s ended without an accepted request: others came, and no place was free"),
            (self._refused, "%s refused: all places are taken"),
        ):
            if count:
                log.warning(text, counted(count, "connection"))
                self._said = now
        self._late = self._displaced = self._refused = 0


def keep_connection(scope: Scope, client: str = "") -> None:
    """A request was accepted: its connection keeps its place."""
    connection = scope.get("extensions", {}).get(EXTENSION)
    if connection is not None:
        connection.admitted(client)
