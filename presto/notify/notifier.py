"""All listeners: subscribing, unsubscribing, and a delivery for each while the server runs."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Collection
from datetime import timedelta
from urllib.parse import urlsplit

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from presto.domain.credentials import utc_now
from presto.notify import guard
from presto.notify.delivery import Delivery, Gone
from presto.notify.lookups import Lookups
from presto.notify.register import DeadLetter, DeliveryState, Listener, Register
from presto.notify.sender import Sender
from presto.notify.settings import NotifySettings
from presto.notify.signing import SigningKey, load_key
from presto.persistence.event_log import EventLog
from presto.persistence.idempotency import KeyedRequest
from presto.persistence.tenancy import detached

log = logging.getLogger(__name__)

_SAVE_EVERY = 0.5
"""Seconds between writes of cursors: what was delivered since is delivered again after a crash."""

_AGAIN_AFTER = 5.0
_LETTERS_KEPT = timedelta(days=30)

EventTypes = Callable[[str, str | None], Collection[str]]


class Notifier:
    """Notifications over a database. `event_types` tells which events of an API a query asks for."""

    def __init__(
        self, engine: Engine, events: EventLog, event_types: EventTypes, settings: NotifySettings | None = None
    ) -> None:
        self.settings = settings or NotifySettings()
        self._engine, self._events, self._event_types = engine, events, event_types
        self._register = Register(engine)
        self._lookups = Lookups()
        self._deliveries: dict[str, Delivery] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._saved: dict[str, DeliveryState] = {}
        self._key: SigningKey | None = None
        self._tls: ssl.SSLContext | None = None
        self._saving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up where the last process was; the event log is being followed already."""
        self._key = await asyncio.to_thread(load_key, self._engine)
        self._tls = await asyncio.to_thread(ssl.create_default_context)
        await asyncio.to_thread(self._register.forget_letters, utc_now() - _LETTERS_KEPT)
        for listener, state in await asyncio.to_thread(self._register.all):
            self._begin(listener, state)
        self._saving = asyncio.create_task(self._keep_saving(), name="notification cursors")

    async def stop(self) -> None:
        """End all deliveries and keep how far they have come."""
        tasks = [*self._tasks.values(), *([self._saving] if self._saving else [])]
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._save()

    async def subscribe(
        self, api: str, callback: str, query: str | None, request: KeyedRequest | None = None
    ) -> Listener:
        """Remember a listener, which hears of what happens from now on."""
        listener, state = await asyncio.to_thread(self._register.add, api, callback, query, request)
        if self._saving:
            self._begin(listener, state)
        return listener

    async def is_full(self) -> bool:
        """Whether the tenant that is being served has as many listeners as it may."""
        return await asyncio.to_thread(self._register.count) >= self.settings.listeners

    async def listener(self, api: str, listener_id: str) -> Listener | None:
        """The listener of that id."""
        return await asyncio.to_thread(self._register.find, api, listener_id)

    async def unsubscribe(self, api: str, listener_id: str, request: KeyedRequest | None = None) -> bool:
        """Forget a listener; nothing is sent to it once this returns. False when there is none such."""
        gone = await asyncio.to_thread(self._register.remove, api, listener_id, request)
        if gone and (task := self._tasks.get(listener_id)):
            self._forget(listener_id)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return gone

    async def dead_letters(self, listener: str | None = None, offset: int = 0, limit: int = 100) -> list[DeadLetter]:
        """A page of the notifications that were given up in the last thirty days, newest first."""
        return await asyncio.to_thread(self._register.dead_letters, listener, offset, limit)

    async def states(self) -> list[tuple[Listener, DeliveryState]]:
        """All listeners with how far each has come, as it is right now."""
        found = await asyncio.to_thread(self._register.all)
        live = {name: delivery.state for name, delivery in self._deliveries.items()}
        return [(listener, live.get(listener.id, state)) for listener, state in found]

    def refusal(self, callback: str) -> str | None:
        """Why a callback that names an address leads to where nothing is sent; names are looked up at delivery."""
        address = guard.literal(urlsplit(callback).hostname or "")
        return guard.refusal(address, self.settings) if address else None

    def _begin(self, listener: Listener, state: DeliveryState) -> None:
        self._saved.setdefault(listener.id, state)
        task = asyncio.create_task(
            self._deliver(listener, state), name=f"notifications for {listener.id}", context=detached()
        )
        self._tasks[listener.id] = task
        task.add_done_callback(lambda ended: self._ended(listener, ended))

    async def _deliver(self, listener: Listener, state: DeliveryState) -> None:
        if self._key is None or self._tls is None:
            raise RuntimeError("notifications were not started")
        types = self._event_types(listener.api, listener.query)
        sender = Sender(listener.callback, self.settings, self._key, self._tls, self._lookups)
        delivery = Delivery(listener, types, state, self._events, self._register, sender, self.settings)
        self._deliveries[listener.id] = delivery
        try:
            await delivery.run()
        except Gone:
            log.info("subscription %s has ended: its callback answered 410", listener.id)
            self._forget(listener.id)
        finally:
            await sender.close()

    def _forget(self, listener_id: str) -> None:
        for known in (self._tasks, self._deliveries, self._saved):
            known.pop(listener_id, None)

    def _ended(self, listener: Listener, task: asyncio.Task[None]) -> None:
        """A fault of ours, or of the database, must not silence a listener for good."""
        if not task.cancelled() and task.exception():
            log.error("%s: trying again in %g s", task.get_name(), _AGAIN_AFTER, exc_info=task.exception())
            asyncio.get_running_loop().call_later(_AGAIN_AFTER, self._resume, listener)

    def _resume(self, listener: Listener) -> None:
        if listener.id in self._tasks:
            self._begin(listener, self._state(listener.id))

    def _state(self, listener_id: str) -> DeliveryState:
        delivery = self._deliveries.get(listener_id)
        return delivery.state if delivery else self._saved[listener_id]

    async def _keep_saving(self) -> None:
        while True:
            await asyncio.sleep(_SAVE_EVERY)
            try:
                await self._save()
            except SQLAlchemyError as error:
                log.warning("cursors were not kept: %s", getattr(error, "orig", None) or error)

    async def _save(self) -> None:
        moved = {
            name: delivery.state for name, delivery in self._deliveries.items() if delivery.state != self._saved[name]
        }
        if moved:
            await asyncio.to_thread(self._register.save, moved)
            self._saved.update((name, state) for name, state in moved.items() if name in self._deliveries)
