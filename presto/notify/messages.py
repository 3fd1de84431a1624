"""An event as the published notification files have it."""

from __future__ import annotations

import json
from datetime import UTC
from functools import lru_cache
from typing import Any

from presto.persistence.events import Event, EventType

_WITH_STATE = {EventType.ORDER_STATE_CHANGE, EventType.ITEM_STATE_CHANGE, EventType.SERVICE_STATE_CHANGE}


def document(event: Event) -> dict[str, Any]:
    """`Event`: an order's item is told with `orderItemId` (MEF 99.1 R39), state changes with the state."""
    return {
        "eventId": event.id,
        "eventTime": event.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "eventType": str(event.type),
        "event": {
            "id": event.object,
            **({"orderItemId": event.item} if event.item is not None else {}),
            **({"state": event.state} if event.type in _WITH_STATE else {}),
        },
    }


@lru_cache(1024)
def body(event: Event) -> bytes:
    """The bytes of a notification: the same for all who get it."""
    return json.dumps(document(event), separators=(",", ":")).encode("utf-8")
