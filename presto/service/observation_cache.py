"""Observations of the network, at a bounded cost for callers and uCPEs.

A caller waits for a few seconds at most; what has not answered by then is unknown. Observations under way go on, so
that the next call finds their result. Results are kept for a moment: polling clients cost the uCPEs no more than one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Generic, TypeVar

from orchestrator.model import OrchestratorError

log = logging.getLogger(__name__)

DEADLINE = 3.0
"""Seconds that a caller waits."""
GIVE_UP_SECONDS = 20.0
"""Seconds after which an observation is given up."""
FRESH = 2.0
"""Seconds that a result is kept."""
CONCURRENT, WAITING = 8, 64
"""Observations at the same time, and with those that wait for a slot; more are not begun."""

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


class ObservationCache(Generic[Key, Result]):
    """Results by key, shared by all callers: `observe` finds one, `unknown` makes one that says why there is none."""

    def __init__(
        self,
        observe: Callable[[Key], Awaitable[Result]],
        unknown: Callable[[str], Result],
        deadline: float | None = None,
    ) -> None:
        self._observe_one, self._unknown = observe, unknown
        self._deadline = DEADLINE if deadline is None else deadline
        self._slots = asyncio.Semaphore(CONCURRENT)
        self._tasks: dict[Key, asyncio.Task[Result]] = {}
        self._kept: dict[Key, tuple[float, Result]] = {}

    async def ask(self, keys: Iterable[Key]) -> dict[Key, Result]:
        """Key → what is found now, within the deadline."""
        self._forget_old()
        wanted = tuple(dict.fromkeys(keys))
        tasks = {task for key in wanted if (task := self._task(key))}
        if tasks:
            await asyncio.wait(tasks, timeout=self._deadline)
        return {key: self._result(key) for key in wanted}

    async def stop(self) -> None:
        """Give up all observations."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget_old(self) -> None:
        oldest = asyncio.get_running_loop().time() - FRESH
        self._kept = {key: kept for key, kept in self._kept.items() if kept[0] >= oldest}

    def _task(self, key: Key) -> asyncio.Task[Result] | None:
        if key in self._kept:
            return None
        if key not in self._tasks and len(self._tasks) < WAITING:
            task = asyncio.create_task(self._found(key), name=f"observe {key}")
            task.add_done_callback(lambda done: self._ended(key, done))
            self._tasks[key] = task
        return self._tasks.get(key)

    def _ended(self, key: Key, task: asyncio.Task[Result]) -> None:
        self._tasks.pop(key, None)
        if not task.cancelled():
            self._kept[key] = (asyncio.get_running_loop().time(), task.result())

    def _result(self, key: Key) -> Result:
        if key in self._kept:
            return self._kept[key][1]
        waiting = f"it did not answer in {self._deadline:g} s" if key in self._tasks else "too many services to look at"
        return self._unknown(waiting)

    async def _found(self, key: Key) -> Result:
        try:
            async with self._slots, asyncio.timeout(GIVE_UP_SECONDS):
                return await self._observe_one(key)
        except TimeoutError:
            return self._unknown(f"it did not answer in {GIVE_UP_SECONDS:g} s")
        except OrchestratorError as error:
            return self._unknown(str(error))
        except Exception as error:
            # A fault of ours must not take the answers about other services with it.
            log.exception("observing %s", key)
            return self._unknown(f"internal error ({type(error).__name__}); see the server's log")
