"""A face of the API as a run needs it: order the scenario's service, see where it stands, have it removed."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, Self

import httpx

from scenarios.file.format import Service

Details = dict[str, Any]
"""A service as one face shows it."""

Request = dict[str, Any]
"""A request that was sent: its method, path and body."""


def recording(sent: list[Request]) -> Callable[[httpx.Request], None]:
    """Return a hook of an HTTP client that adds each request with a body to *sent*."""

    def record(request: httpx.Request) -> None:
        if body := request.read():
            sent.append({"method": request.method, "path": request.url.path, "body": json.loads(body)})

    return record


@dataclass(frozen=True)
class State:
    """A state that a face shows and what it must be for a service that works."""

    name: str
    measured: object
    expected: object


class Face(AbstractContextManager["Face"], Protocol):
    """One face of a running server; *sent* has all that it was asked with a body, in order."""

    sent: list[Request]

    def __enter__(self) -> Self: ...

    def order(self, service: Service) -> str:
        """Order the service; returns its id. Raises ``PrestoError`` when it is refused."""

    def service(self, service_id: str) -> Details | None:
        """Return what the face shows of a service, or nothing when it is gone."""

    def ended(self, details: Details) -> bool:
        """Tell whether the service's order has reached an end, whichever."""

    def error(self, details: Details) -> str:
        """Return the reason that the face gives for a service that did not come up, empty when it gives none."""

    def states(self, details: Details) -> list[State]:
        """Return the states that tell whether the service works."""

    def delete(self, service_id: str) -> None:
        """Ask for the removal of a service."""
