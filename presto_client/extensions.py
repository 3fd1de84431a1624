"""What the server has beyond the published APIs, under `/presto-sdwan/v1`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from presto_api.mef.results import ServiceOrder
from presto_api.tunnels import TunnelState
from presto_client.connection import Connection, document
from presto_client.errors import BadAnswer
from presto_client.keys import named
from presto_client.reading import part, read

BASE = "/presto-sdwan/v1"


@dataclass(frozen=True)
class Event:
    """An event of the stream: its number in the log, its type, and what a listener would be sent of it."""

    number: int | None
    type: str
    data: dict[str, Any]


class Extensions:
    """Tunnels, cancelling, events, and every other resource as JSON."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, path: str) -> Any:
        """The JSON of a resource, such as `/versions`. Raises NotFound on servers that have none."""
        return self._connection.json("GET", f"{BASE}{path}")

    def tunnels(self, service: str | None = None, echoes: int | None = None) -> list[TunnelState]:
        """The tunnels of all services, or of the one of that id or name, with their delay and loss now.

        `echoes` is how many ICMP echo requests each end sends for that, 0 for none. Raises NotFound.
        """
        given = {"service": service, "echoes": echoes}
        params = {name: str(value) for name, value in given.items() if value is not None}
        found = document(self._connection.request("GET", f"{BASE}/tunnel", params=params))
        if not isinstance(found, list):
            raise BadAnswer("the server's tunnels are no list")
        return [read(TunnelState, value) for value in found]

    def cancel(self, order_id: str) -> ServiceOrder:
        """Cancel an order; returns it as it then stands. Raises NotFound, and Conflict when it is too late.

        Sent again under the same `Idempotency-Key` where the answer is lost: it is not too late for what was done.
        """
        path = f"{BASE}/serviceOrder/{part(order_id)}/cancel"
        return read(ServiceOrder, self._connection.json("POST", path, headers=named()))

    @contextmanager
    def events(
        self, after: int | None = None, *, types: Sequence[str] = (), services: Sequence[str] = ()
    ) -> Iterator[Iterator[Event]]:
        """The events of the server as they happen, from the one behind number `after` on, or from now on.

        They end when the server stops, or when the token does: come back with the number of the last one.

        `types` and `services` (ids of services and orders) narrow them. Raises NotFound on servers without the stream.
        """
        params = {"type": list(types), "service": list(services)}
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": str(after)} if after is not None else {})}
        with self._connection.stream(f"{BASE}/event/stream", params, headers) as answer:
            yield _events(answer)


def _events(answer: httpx.Response) -> Iterator[Event]:
    """Server-sent events, as the HTML standard has them; comments and what has no data are left out."""
    fields: dict[str, list[str]] = {}
    for line in answer.iter_lines():
        name, _, value = line.partition(":")
        if name:
            fields.setdefault(name, []).append(value.removeprefix(" "))
        elif not line:
            if "data" in fields:
                yield _event(fields)
            fields = {}


def _event(fields: dict[str, list[str]]) -> Event:
    number = fields.get("id", [""])[-1]
    try:
        data = json.loads("\n".join(fields["data"]))
    except ValueError:
        raise BadAnswer("an event of the stream is not JSON") from None
    return Event(int(number) if number.isdigit() else None, fields.get("event", ["message"])[-1], data)
