"""A typed client of the server: ordering, inventory, the PoC's operations and the extensions, over HTTP.

with Client(Options(url="http://127.0.0.1:8181")) as client:
    order = client.orders.wait(client.orders.create(order).id)
    for service in client.services.all(state="active"):
        print(service.id, payload(service.service_configuration))
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

import httpx

from presto_client.connection import DEFAULT_URL, Connection, Options
from presto_client.connectivity import Connectivity
from presto_client.credentials import ClientCredentials, Token
from presto_client.errors import (
    AccessDenied,
    BadAnswer,
    Conflict,
    ErrorAnswer,
    Finding,
    NotFound,
    PrestoError,
    Refused,
    ServerFailed,
    Unreachable,
)
from presto_client.extensions import Event, Extensions
from presto_client.orders import Orders
from presto_client.reading import payload
from presto_client.services import Services

__all__ = [
    "DEFAULT_URL",
    "AccessDenied",
    "BadAnswer",
    "Client",
    "ClientCredentials",
    "Conflict",
    "ErrorAnswer",
    "Event",
    "Finding",
    "NotFound",
    "Options",
    "PrestoError",
    "Refused",
    "ServerFailed",
    "Token",
    "Unreachable",
    "payload",
]


class Client:
    """One server. A context manager: leaving it ends the connections. Its calls raise PrestoError."""

    def __init__(self, options: Options | None = None, transport: httpx.BaseTransport | None = None) -> None:
        self._connection = Connection(options or Options(), transport)
        self.orders = Orders(self._connection)
        self.services = Services(self._connection)
        self.connectivity = Connectivity(self._connection)
        self.extensions = Extensions(self._connection)

    def close(self) -> None:
        """End the connections."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
