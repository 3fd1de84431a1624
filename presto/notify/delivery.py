"""Delivering to one listener: one event after the other, each until it is taken or given up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from secrets import SystemRandom

from presto.domain.credentials import utc_now
from presto.notify import messages
from presto.notify.register import DeadLetter, DeliveryState, Listener, Register
from presto.notify.sender import Attempt, Result, Sender
from presto.notify.settings import NotifySettings
from presto.persistence.event_log import EventLog
from presto.persistence.events import Event
from presto.persistence.tenancy import may_hear

_RANDOM = SystemRandom()
_PAGE = 100
_LONGEST_WAIT = 30.0


def delay(failures: int, settings: NotifySettings, jitter: Callable[[], float] = _RANDOM.random) -> float:
    """Seconds before the next attempt: doubled with each failure up to a cap, of which at least half is waited.

    The jitter keeps listeners that failed together from coming back together.
    """
    whole = min(settings.longest_delay, settings.first_delay * 2.0 ** min(failures - 1, 32))
    return whole * (0.5 + jitter() / 2)


def pause(failures: int, retry_after: float, settings: NotifySettings) -> float:
    """Seconds before the next attempt: as `delay`, and at least what the listener asked for, up to a limit."""
    return max(delay(failures, settings), min(retry_after, settings.longest_wait))


class Gone(Exception):
    """The listener answered 410: it wants no more events (RFC 9110 section 15.5.11)."""


class Delivery:
    """Goes through the event log for a listener; `state` is how far it has come."""

    def __init__(
        self,
        listener: Listener,
        types: Collection[str],
        state: DeliveryState,
        log: EventLog,
        register: Register,
        sender: Sender,
        settings: NotifySettings,
    ) -> None:
        self.listener, self.state = listener, state
        self._types = frozenset(types)
        self._log, self._register, self._sender, self._settings = log, register, sender, settings
        self._given_up = datetime.min.replace(tzinfo=UTC)

    async def run(self) -> None:
        """Deliver until cancelled. Raises Gone when the listener says that it is; then it is forgotten."""
        while True:
            found = await self._log.since(self.state.cursor, _PAGE)
            for event in found:
                if event.type in self._types and may_hear(self.listener.tenant, event.tenant):
                    await self._deliver(event)
                else:
                    self.state = replace(self.state, cursor=event.sequence)
            if not found:
                await self._log.wait(self.state.cursor, _LONGEST_WAIT)

    async def _deliver(self, event: Event) -> None:
        if event.time <= self._given_up:
            await self._give_up(event, self.state.fault or "", 0)
            return
        attempts = 0
        while True:
            attempt = await self._sender.send(event)
            attempts += 1
            if attempt.result is Result.DELIVERED:
                self.state = DeliveryState(event.sequence)
                return
            if attempt.result is Result.REFUSED:
                self.state = DeliveryState(self.state.cursor)
                await self._give_up(event, attempt.reason, attempts)
                return
            if attempt.result is Result.GONE:
                await asyncio.to_thread(self._register.end, self._letter(event, attempt.reason, attempts))
                raise Gone(self.listener.id)
            self._note(attempt)
            if self._too_late(event):
                await self._give_up(event, attempt.reason, attempts)
                return
            await asyncio.sleep(pause(self.state.failures, attempt.wait, self._settings))

    def _note(self, attempt: Attempt) -> None:
        since = self.state.failing_since or utc_now()
        failures = self.state.failures + 1
        self.state = DeliveryState(self.state.cursor, failures, since, attempt.reason)

    def _too_late(self, event: Event) -> bool:
        """True when the event is old and has been failing for long: so are then all that are older than this moment."""
        horizon = utc_now() - timedelta(seconds=self._settings.give_up)
        if max(event.time, self.state.failing_since or event.time) > horizon:
            return False
        self._given_up = horizon
        return True

    async def _give_up(self, event: Event, reason: str, attempts: int) -> None:
        self.state = replace(self.state, cursor=event.sequence)
        await asyncio.to_thread(self._register.add_dead_letter, self._letter(event, reason, attempts), self.state)

    def _letter(self, event: Event, reason: str, attempts: int) -> DeadLetter:
        listener = self.listener
        return DeadLetter(
            listener=listener.id,
            sequence=event.sequence,
            api=listener.api,
            callback=listener.callback,
            body=messages.document(event),
            attempts=attempts,
            reason=reason,
            time=utc_now(),
            tenant=listener.tenant,
        )
