"""What ends on the uCPEs by itself comes back by itself: VNFs whose containers were killed, stopped or removed.

Level-triggered: an event of a uCPE's engine only says when to look, and so does each new connection to it, for what
ended while nobody listened. A look compares with what is recorded and mends the difference. Nothing is polled.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from orchestrator.inventory import Inventory
from orchestrator.model import DeploymentOutcome, OrchestratorError
from orchestrator.southbound.engine_events import Ended
from orchestrator.store import Store

SETTLE, LONGEST = 0.5, 60.0
"""Seconds from an event to the look, in which the engine's restart policy has its turn. They double with each time that
something had to be mended lately, up to the second value; so do those between attempts to reach an engine."""
CALM = 2 * LONGEST
"""Seconds after which what had to be mended, or a connection that was lost, is no more lately."""

LOST, SOUND = "lost", "sound"
"""Stages of the events that are told: what is missing of a service on a uCPE, and that nothing is."""

Key = tuple[str, str]
"""A service and a uCPE."""
Mend = Callable[[str, str], Awaitable[DeploymentOutcome | None]]
"""Makes a service on a uCPE as it is recorded; None when it is so, or is not to be touched."""

log = logging.getLogger(__name__)


class Healing:
    """One stream of events for each uCPE that carries a service, and a look at a service there when it says so."""

    def __init__(self, store: Store, inventory: Callable[[], Inventory], ended: Ended, mend: Mend) -> None:
        self._store, self._inventory, self._ended, self._mend = store, inventory, ended, mend
        self._changed = asyncio.Event()
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._looks: dict[Key, asyncio.Task[None]] = {}
        self._due: set[Key] = set()
        self._now: dict[Key, asyncio.Event] = {}
        self._mended: dict[Key, tuple[int, float]] = {}

    async def run(self) -> None:
        """Go on until cancelled; nothing is left then. Raises StoreError."""
        try:
            while True:
                self._changed.clear()
                self._listen(await asyncio.to_thread(self._store.ucpes))
                await self._changed.wait()
        finally:
            tasks = [*self._streams.values(), *self._looks.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def changed(self, service_id: str) -> None:
        """A request for the service has ended: it may be on other uCPEs now, and what was lost may be back."""
        self._changed.set()
        for key in [key for key in self._now if key[0] == service_id]:
            self._now[key].set()

    def _listen(self, ucpes: frozenset[str]) -> None:
        for gone in self._streams.keys() - ucpes:
            self._streams.pop(gone).cancel()
        for ucpe in ucpes - self._streams.keys():
            self._streams[ucpe] = _started(self._stream(ucpe), f"engine events of {ucpe}")

    async def _stream(self, ucpe: str) -> None:
        failures = 0
        while True:
            opened = float("inf")
            try:
                async with self._ended(self._inventory().ucpe(ucpe)) as services:
                    opened = time.monotonic()
                    for service in await asyncio.to_thread(self._store.on, ucpe):
                        self._look((service, ucpe))
                    async for service in services:
                        self._look((service, ucpe))
            except OrchestratorError as error:
                failures = 0 if time.monotonic() - opened > CALM else failures
                if not failures:
                    log.warning("what ends on %s is not heard of until its engine answers: %s", ucpe, error)
            await asyncio.sleep(_pause(failures))
            failures += 1

    def _look(self, key: Key) -> None:
        self._due.add(key)
        if key not in self._looks:
            self._looks[key] = _started(self._attend(key), f"healing {key}")

    async def _attend(self, key: Key) -> None:
        """Look until there is no reason to: what was mended, and what was cut short, is looked at once more."""
        told = ""
        try:
            while key in self._due:
                self._due.discard(key)  # before the wait: an event at its end may be ahead of the engine's list
                if not await self._waited(key):
                    self._due.add(key)
                problem = await self._problem(key)
                if problem is None:
                    continue
                self._due.add(key)
                if problem not in {"", told}:
                    log.warning("service %s on %s is not back, and tried again: %s", *key, problem)
                told = problem
        finally:
            del self._looks[key]

    async def _waited(self, key: Key) -> bool:
        """Wait until the engine has had its turn, longer after something had to be mended lately; False: cut short."""
        lately = time.monotonic() - CALM
        self._mended = {name: mended for name, mended in self._mended.items() if mended[1] > lately}
        times = self._mended.get(key, (0, 0.0))[0]
        self._now[key] = asyncio.Event()
        with suppress(TimeoutError):
            async with asyncio.timeout(_pause(times)):
                await self._now[key].wait()
        return not self._now.pop(key).is_set()

    async def _problem(self, key: Key) -> str | None:
        """Mend; why that did not succeed, or nothing. None when there was nothing to mend."""
        try:
            outcome = await self._mend(*key)
        except OrchestratorError as error:
            problem = str(error)
        else:
            if outcome is None:
                return None
            problem = outcome.error or ""
        self._mended[key] = (self._mended.get(key, (0, 0.0))[0] + 1, time.monotonic())
        return problem


def _pause(times: int) -> float:
    return min(SETTLE * float(1 << min(times, 32)), LONGEST)


def _started(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("%s: %s", task.get_name(), error, exc_info=error)
