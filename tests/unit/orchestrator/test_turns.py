"""How many uCPEs are worked on at once: as many as the orchestrator says, and the others wait without a deadline."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Iterable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.inventory import Ucpe
from orchestrator.model import DeploymentRequest, Result, ServiceOutcome, ServiceRequest
from orchestrator.service import Orchestrator
from orchestrator.southbound.contract import Uplink
from orchestrator.southbound.memory import MemorySouthbound
from orchestrator.southbound.memory_inventory import memory_inventory

SITES, CONCURRENT = 12, 3
INVENTORY = memory_inventory(SITES)
SERVICES = ("11111111-2222-3333-4444-555555555555", "22222222-2222-3333-4444-555555555555")


class Counted:
    """The driver in memory; how many of its sessions are open, and how many were at most."""

    def __init__(self) -> None:
        self._southbound = MemorySouthbound(INVENTORY, delay=0.002)
        self._open = self.most = 0

    @contextlib.asynccontextmanager
    async def connect(self, ucpe: Ucpe) -> AsyncIterator[Uplink]:
        self._open += 1
        self.most = max(self.most, self._open)
        try:
            async with self._southbound.connect(ucpe) as uplink:
                yield uplink
        finally:
            self._open -= 1


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def orchestrator(counted: Counted, tmp_path: Path) -> Orchestrator:
    url = f"sqlite:///{tmp_path}/state.db"
    return Orchestrator(INVENTORY, url, connect=counted.connect, changed=CONCURRENT, looked_at=CONCURRENT)


def requests(site_inputs: Any) -> list[ServiceRequest]:
    """Two services, each on half of the sites."""
    sites = [DeploymentRequest(ucpe.id, "poc-site", site_inputs()) for ucpe in INVENTORY.ucpes]
    halves = (sites[: SITES // 2], sites[SITES // 2 :])
    return [ServiceRequest(name, "acme", tuple(half)) for name, half in zip(SERVICES, halves, strict=True)]


def test_no_more_ucpes_than_allowed_are_worked_on_over_all_services(
    orchestrator: Orchestrator, counted: Counted, site_inputs: Any
) -> None:
    async def most(works: Iterable[Awaitable[Any]]) -> int:
        counted.most = 0
        await asyncio.gather(*works)
        return counted.most

    async def main() -> list[int]:
        return [
            await most(orchestrator.deploy(request) for request in requests(site_inputs)),
            await most(orchestrator.observe(service) for service in SERVICES),
            await most(orchestrator.remove(service) for service in SERVICES),
        ]

    assert asyncio.run(main()) == [CONCURRENT] * 3


def test_the_wait_for_ones_turn_is_no_part_of_the_work(orchestrator: Orchestrator, site_inputs: Any) -> None:
    async def main() -> list[ServiceOutcome]:
        return await asyncio.gather(*(orchestrator.deploy(request) for request in requests(site_inputs)))

    outcomes = asyncio.run(main())
    assert {outcome.result for outcome in outcomes} == {Result.APPLIED}
    worked = sum(sum(site.seconds.values()) for outcome in outcomes for site in outcome.deployments)
    assert worked < 1.5 * CONCURRENT * max(outcome.seconds for outcome in outcomes)
