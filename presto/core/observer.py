"""Looks at what services really have on the network, at a bounded cost for whoever asks and for the uCPEs.

A question waits for a few seconds at most; what has not answered by then is unknown, and said to be. Looks that are
under way go on, so that the next question finds their result. Results are kept for a moment: a client that polls, or
many of them, cost the uCPEs no more than one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from orchestrator.model import DeploymentObservation, OrchestratorError, ServiceObservation, UnknownService
from presto.core.credentials import utc_now
from presto.core.model import Service

log = logging.getLogger(__name__)

DEADLINE = 3.0
"""Seconds that a question waits."""
PATIENCE = 20.0
"""Seconds after which a look is given up."""
FRESH = 2.0
"""Seconds that a result is kept."""
AT_ONCE, WAITING = 8, 64
"""Looks at the same time, and with those that wait for their turn; more are not begun."""


class Observed(Protocol):
    """The part of the network that is looked at."""

    async def observe(self, service_id: str) -> ServiceObservation:
        """What the uCPEs really have of a service now. Raises UnknownService when nothing of it is deployed."""
        ...


@dataclass(frozen=True)
class Seen:
    """What was seen of a service: uCPE → what it has. `problem` says why nothing is known; then the rest is empty."""

    moment: datetime | None = None
    sites: Mapping[str, DeploymentObservation] = field(default_factory=dict)
    problem: str | None = None


_Key = tuple[str, int, str]


class Observer:
    """Answers questions about services, for any number of askers."""

    def __init__(self, network: Observed, deadline: float = DEADLINE) -> None:
        self._network, self._deadline = network, deadline
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._looks: dict[_Key, asyncio.Task[Seen]] = {}
        self._kept: dict[_Key, tuple[float, Seen]] = {}

    async def observe(self, services: Iterable[Service]) -> dict[str, Seen]:
        """Service id → what is seen of it now, within the deadline."""
        self._forget_old()
        # A change of a service makes what was seen before worthless.
        keys = {service.id: (service.id, service.generation, service.state.value) for service in services}
        tasks = {task for key in keys.values() if (task := self._look(key))}
        if tasks:
            await asyncio.wait(tasks, timeout=self._deadline)
        return {service_id: self._result(key) for service_id, key in keys.items()}

    async def stop(self) -> None:
        """Give up all looks."""
        tasks = list(self._looks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget_old(self) -> None:
        oldest = asyncio.get_running_loop().time() - FRESH
        self._kept = {key: kept for key, kept in self._kept.items() if kept[0] >= oldest}

    def _look(self, key: _Key) -> asyncio.Task[Seen] | None:
        if key in self._kept:
            return None
        if key not in self._looks and len(self._looks) < WAITING:
            task = asyncio.create_task(self._seen(key[0]), name=f"look at service {key[0]}")
            task.add_done_callback(lambda done: self._ended(key, done))
            self._looks[key] = task
        return self._looks.get(key)

    def _ended(self, key: _Key, task: asyncio.Task[Seen]) -> None:
        self._looks.pop(key, None)
        if not task.cancelled():
            self._kept[key] = (asyncio.get_running_loop().time(), task.result())

    def _result(self, key: _Key) -> Seen:
        if key in self._kept:
            return self._kept[key][1]
        waiting = f"it did not answer in {self._deadline:g} s" if key in self._looks else "too many services to look at"
        return Seen(problem=waiting)

    async def _seen(self, service_id: str) -> Seen:
        try:
            async with self._slots, asyncio.timeout(PATIENCE):
                found = await self._network.observe(service_id)
        except UnknownService:
            return Seen(utc_now())
        except TimeoutError:
            return Seen(problem=f"it did not answer in {PATIENCE:g} s")
        except OrchestratorError as error:
            return Seen(problem=str(error))
        except Exception as error:
            # A fault of ours must not take the answers about other services with it.
            log.exception("looking at service %s", service_id)
            return Seen(problem=f"internal error ({type(error).__name__}); see the server's log")
        return Seen(utc_now(), {site.ucpe: site for site in found.deployments})
