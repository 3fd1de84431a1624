"""Has the network bring back what ends on the uCPEs, and knows what of a service is not back yet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from orchestrator.healing import LOST, SOUND
from orchestrator.model import OrchestratorError, ServiceEvent
from presto.persistence.tenancy import detached
from presto.service.pipeline import Network

PAUSE = 5.0
"""Seconds until healing begins anew that came to an end, as when the database does not answer."""

log = logging.getLogger(__name__)


class Healing:
    """Runs from `start` to `stop`; `back` is told of each service of which something was lost and came back."""

    def __init__(self, network: Network, back: Callable[[str], None]) -> None:
        self._network, self._back = network, back
        self._lost: dict[tuple[str, str | None], str] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="healing", context=detached())

    async def stop(self) -> None:
        """What is under way is taken up at the next start."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def missing(self, service_id: str) -> str | None:
        """What of a service ended on its uCPEs and is not back yet, in words; None when nothing is known of that."""
        lost = (f"{ucpe}: {what}" for (service, ucpe), what in self._lost.items() if service == service_id)
        return "; ".join(lost) or None

    async def _run(self) -> None:
        while True:
            try:
                await self._network.heal(self._hear)
            except OrchestratorError as error:
                log.warning("what ends on the uCPEs is not brought back for a while: %s", error)
            await asyncio.sleep(PAUSE)

    def _hear(self, event: ServiceEvent) -> None:
        key = (event.service_id, event.ucpe)
        if event.stage in {LOST, "failed"}:
            self._lost[key] = event.message
        elif event.stage == SOUND and key in self._lost:
            del self._lost[key]
            self._back(event.service_id)
