"""What the server has beyond the published APIs, under `/presto-sdwan/v1`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from presto.client.connection import Connection
from presto.client.errors import BadAnswer
from presto.client.reading import part, read
from presto.mef.results import ServiceOrder

BASE = "/presto-sdwan/v1"


class Extensions:
    """Cancelling, events, and every other resource as JSON."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, path: str) -> Any:
        """The JSON of a resource, such as `/versions`. Raises NotFound on servers that have none."""
        return self._connection.json("GET", f"{BASE}{path}")

    def cancel(self, order_id: str) -> ServiceOrder:
        """Cancel an order; returns it as it then stands. Raises NotFound, and Conflict when it is too late."""
        path = f"{BASE}/serviceOrder/{part(order_id)}/cancel"
        return read(ServiceOrder, self._connection.json("POST", path))

    @contextmanager
    def events(self, after: int | None = None) -> Iterator[Iterator[dict[str, Any]]]:
        """The events of the server as they happen, from the one behind number `after` on, without end.

        Raises NotFound on servers that have no such stream.
        """
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": str(after)} if after is not None else {})}
        with self._connection.stream(f"{BASE}/event/stream", headers) as answer:
            yield _events(answer)


def _events(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    """The data of server-sent events; lines of one event are joined, comments are left out."""
    lines: list[str] = []
    for line in answer.iter_lines():
        if line.startswith("data:"):
            lines.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and lines:
            try:
                yield json.loads("\n".join(lines))
            except ValueError:
                raise BadAnswer("an event of the stream is not JSON") from None
            lines = []
