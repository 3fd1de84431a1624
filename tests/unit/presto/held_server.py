"""A server whose in-memory network holds work up while a file exists: `held_server.py INVENTORY DATABASE FILE`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import uvicorn

from orchestrator.inventory import Inventory, Ucpe, load_inventory
from orchestrator.model import (
    DeploymentObservation,
    DeploymentOutcome,
    EventListener,
    Result,
    ServiceObservation,
    ServiceOutcome,
    ServiceRequest,
    SiteMeasurement,
    UnknownService,
)
from orchestrator.store import StoredService
from orchestrator.tosca import Catalogue
from orchestrator.ucpe.health import UcpeHealth, ucpe_health
from presto.notify.settings import NotifySettings
from presto.persistence.store import Store
from presto.persistence.tables import open_engine
from presto.service.core import Core
from presto.web.app import create_app

NOTIFICATIONS = NotifySettings(development=True, first_delay=0.05, longest_delay=0.2)


class HeldNetwork:
    """Applies what is asked, once the file is gone; notes each deployment beside it."""

    def __init__(self, held: Path) -> None:
        self._held = held

    async def deploy(self, request: ServiceRequest, on_event: EventListener | None = None) -> ServiceOutcome:
        with self._held.with_suffix(".log").open("a", encoding="utf-8") as log:
            log.write(f"deploy {request.id}\n")
        await self._released()
        ends = tuple(DeploymentOutcome(end.ucpe, Result.APPLIED) for end in request.deployments)
        return ServiceOutcome(request.id, 1, Result.APPLIED, ends, 0.0)

    async def remove(self, service_id: str, on_event: EventListener | None = None) -> ServiceOutcome:
        await self._released()
        return ServiceOutcome(service_id, 1, Result.REMOVED, (), 0.0)

    async def heal(self, on_event: EventListener | None = None) -> None:
        await asyncio.Event().wait()

    async def observe(self, service_id: str) -> ServiceObservation:
        raise UnknownService(f"nothing of {service_id} is kept")

    async def gateway(self, service_id: str, ucpe: str) -> DeploymentObservation:
        raise UnknownService(f"nothing of {service_id} is kept")

    async def measure(
        self, service_id: str, targets: Mapping[str, Mapping[str, str]], echoes: int
    ) -> tuple[SiteMeasurement, ...]:
        raise UnknownService(f"nothing of {service_id} is kept")

    catalogue = Catalogue()

    def use(self, inventory: Inventory) -> None:
        pass

    def carried(self, ucpe: str) -> tuple[str, ...]:
        return ()

    def services(self) -> tuple[StoredService, ...]:
        return ()

    async def health(self, ucpe: Ucpe) -> UcpeHealth:
        return await ucpe_health(ucpe)

    def close(self) -> None:
        pass

    async def _released(self) -> None:
        while self._held.exists():
            await asyncio.sleep(0.01)


def main(inventory: Path, database: str, held: Path, port: int) -> None:
    core = Core(load_inventory(inventory), Store(open_engine(database)), HeldNetwork(held))
    uvicorn.run(create_app(core, notifications=NOTIFICATIONS), host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
