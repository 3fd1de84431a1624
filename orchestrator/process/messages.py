"""What the orchestrator's own process and the one that has started it say to each other, over one pair of sockets.

Both are the same program of the same user on the two ends of a socket that nobody else has, so messages are pickled.
"""

from __future__ import annotations

import pickle
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from orchestrator.inventory import Inventory
from orchestrator.model import ServiceEvent
from orchestrator.service import Orchestrator

Make = Callable[[Inventory], Orchestrator]
"""Makes the orchestrator in its process; can be pickled."""

HEAD = 4
"""Octets of a message's length, which stands before it."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message: where modules are found, the least level of the log, and how the orchestrator is made."""

    path: tuple[str, ...]
    level: int
    make: Make


@dataclass(frozen=True, slots=True)
class Use:
    """Work with these uCPEs from now on; comes before the first call."""

    inventory: Inventory


@dataclass(frozen=True, slots=True)
class Call:
    """Call a method of the orchestrator, one of several calls at once."""

    number: int
    method: str
    arguments: tuple[Any, ...]
    tells: bool


@dataclass(frozen=True, slots=True)
class Cancel:
    """Give that call up; its `End` says when that is done."""

    number: int


@dataclass(frozen=True, slots=True)
class Progress:
    """An event of a call whose caller wants to be told."""

    number: int
    event: ServiceEvent


@dataclass(frozen=True, slots=True)
class End:
    """What a call returned or raised."""

    number: int
    value: Any
    error: Exception | None


def packed(message: object) -> bytes:
    """A message as it is sent."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return len(body).to_bytes(HEAD, "big") + body


def messages(stream: socket.socket) -> Iterator[Any]:
    """The messages as they come, until the other end is closed."""
    with stream.makefile("rb") as file:
        while head := file.read(HEAD):
            yield pickle.loads(file.read(int.from_bytes(head, "big")))  # noqa: S301  # nobody else has the socket
