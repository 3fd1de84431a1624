"""Listeners of one of the published APIs."""

from __future__ import annotations

from collections.abc import Sequence

from presto_api.mef.results import EventSubscription
from presto_client.connection import Connection
from presto_client.keys import named
from presto_client.reading import part, read


class Hubs:
    """`/hub` of the API whose base path is given."""

    def __init__(self, connection: Connection, base: str) -> None:
        self._connection, self._path = connection, f"{base}/hub"

    def register(self, callback: str, event_types: Sequence[str] = ()) -> EventSubscription:
        """Have events of these types, or of all, sent to the listener whose base URL is `callback`."""
        query = {"query": f"eventType={','.join(event_types)}"} if event_types else {}
        body = {"callback": callback, **query}
        return read(EventSubscription, self._connection.json("POST", self._path, body, repeat=False))

    def get(self, listener_id: str) -> EventSubscription:
        """One listener. Raises NotFound."""
        return read(EventSubscription, self._connection.json("GET", f"{self._path}/{part(listener_id)}"))

    def unregister(self, listener_id: str) -> None:
        """Send it no more. Raises NotFound."""
        self._connection.request("DELETE", f"{self._path}/{part(listener_id)}", headers=named())
