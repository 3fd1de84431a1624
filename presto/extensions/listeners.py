"""`/event/listener`: who is sent events, and how that goes right now; the hubs of the published APIs have no list."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from presto.notify.notifier import Notifier
from presto.notify.register import DeliveryState, Listener
from presto.persistence.event_log import EventLog
from presto_api.wire import Wire


class ListenerShown(Wire):
    """A subscription of one of the published APIs, and how far delivery has come."""

    id: str
    api: str = Field(examples=["ordering"])
    callback: str
    query: str | None = Field(description="Which events it asked for; null: all of the API")
    cursor: int = Field(description="The number in the log up to which it has had its events")
    behind: int = Field(description="Events in the log after that one, of any kind")
    failures: int = Field(description="Attempts in a row that came to nothing; 0 while delivery works")
    failing_since: datetime | None
    fault: str | None = Field(description="What the last attempt came to", examples=["answered 503"])


def listeners_router(notifier: Notifier, events: EventLog) -> APIRouter:
    """The operations on the listeners of all hubs."""
    router = APIRouter(tags=["events"])

    @router.get("/event/listener", operation_id="listListeners")
    async def find() -> list[ListenerShown]:
        """The listeners of both hubs, by API and callback: how far each has come, and since when and why it fails."""
        return [_shown(listener, state, events.last) for listener, state in await notifier.states()]

    return router


def _shown(listener: Listener, state: DeliveryState, last: int) -> ListenerShown:
    of_listener = {name: getattr(listener, name) for name in ("id", "api", "callback", "query")}
    return ListenerShown(**of_listener, **vars(state), behind=max(0, last - state.cursor))
