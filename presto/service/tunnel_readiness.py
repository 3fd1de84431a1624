"""Whether the tunnels of deployed services are up: a gateway accepts its intent before its peers answer.

After a service was deployed without error, its gateways are polled, each until it reports all its tunnels, or the
service is changed. Who asks meanwhile learns which are missing. Those of services that an earlier process has deployed
count as up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from orchestrator.inventory import Inventory
from orchestrator.model import DeploymentObservation, OrchestratorError
from presto.domain.model import Service
from presto.domain.tunnels import Seen, Site, end_verdicts, peers, sites
from presto.domain.underlays import carrier
from presto.persistence.tenancy import detached

log = logging.getLogger(__name__)

CONCURRENT_POLLS = 4
"""Gateways that are polled at the same time: fewer than the network allows, so that there is room for others."""
_SHORTEST, _LONGEST, _GROWTH = 0.1, 30.0, 1.3
"""Seconds from one poll of a gateway to the next, and by what they grow: as long as a third of the time till then.

The shortest is for as many gateways as are polled at the same time: it is longer where each has to wait for its turn.
"""
_NAMED = 3
"""Missing tunnels that a text names."""


class Gateways(Protocol):
    """The part of the network that is polled."""

    async def gateway(self, service_id: str, ucpe: str) -> DeploymentObservation:
        """What the service's IPsec gateway on one uCPE says of its tunnels now. Raises OrchestratorError."""
        ...


class TunnelReadiness:
    """Polls the gateways of services until all tunnels are up."""

    def __init__(self, network: Gateways, inventory: Callable[[], Inventory]) -> None:
        self._network, self._inventory = network, inventory
        self._slots = asyncio.Semaphore(CONCURRENT_POLLS)
        self._missing: dict[str, _Missing] = {}
        self._watches: dict[str, asyncio.Task[None]] = {}

    def missing(self, service_id: str) -> str | None:
        """Which of its tunnels are not up yet, in words; None when none is known to be missing."""
        missing = self._missing.get(service_id)
        return missing.text if missing else None

    def expect(self, service: Service) -> None:
        """A service is about to be reported as deployed: its tunnels are missing until a gateway reports them."""
        self.forget(service.id)
        missing = _Missing(_working(service, self._inventory()))
        if missing.tunnels:
            self._missing[service.id] = missing

    def watch(self, service_id: str) -> None:
        """The service is deployed: poll its gateways from now on."""
        if missing := self._missing.get(service_id):
            work = self._poll(service_id, missing)
            self._watches[service_id] = asyncio.create_task(work, name=f"tunnels of {service_id}", context=detached())

    def forget(self, service_id: str) -> None:
        """The service is being changed, or gone."""
        self._missing.pop(service_id, None)
        if watch := self._watches.pop(service_id, None):
            watch.cancel()

    async def stop(self) -> None:
        """Stop polling."""
        watches = list(self._watches.values())
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)

    async def _poll(self, service_id: str, missing: _Missing) -> None:
        async with asyncio.TaskGroup() as gateways:
            for place in range(len(missing.sites)):
                gateways.create_task(self._poll_gateway(service_id, missing, place))
        self._missing.pop(service_id, None)
        self._watches.pop(service_id, None)

    async def _poll_gateway(self, service_id: str, missing: _Missing, place: int) -> None:
        pause, ucpe = _SHORTEST * -(-len(missing.sites) // CONCURRENT_POLLS), missing.sites[place].ucpe
        while True:
            async with self._slots:
                seen = await self._seen(service_id, ucpe)
            if missing.update(place, seen):
                return
            await asyncio.sleep(pause)
            pause = min(pause * _GROWTH, _LONGEST)

    async def _seen(self, service_id: str, ucpe: str) -> Seen:
        try:
            return Seen(sites={ucpe: await self._network.gateway(service_id, ucpe)})
        except OrchestratorError as error:
            return Seen(problem=str(error))
        except Exception as error:
            # A fault of ours must not end the polling of the other gateways.
            log.exception("polling the gateway of %s on %s", service_id, ucpe)
            return Seen(problem=f"internal error ({type(error).__name__}); see the server's log")


class _Missing:
    """The tunnels that the gateways of a service do not report: for each site, why there is none to a peer."""

    def __init__(self, there: tuple[Site, ...]) -> None:
        self.sites = there
        self._peers = peers([site.end_point for site in there])
        self._reasons: dict[int, dict[int, str | None]] = {}
        self._text: str | None = None

    @property
    def tunnels(self) -> int:
        """How many the service has."""
        return sum(map(len, self._peers)) // 2

    @property
    def text(self) -> str | None:
        """In words, made when somebody asks; None when every gateway reports all its tunnels."""
        if len(self._reasons) < len(self.sites):
            return f"{_count(self.tunnels)} not seen yet"
        if self._text is None:
            self._text = self._told()
        return self._text

    def update(self, place: int, seen: Seen) -> bool:
        """Keep what one gateway reports; returns whether it has all its tunnels."""
        others = self._peers[place]
        verdicts = end_verdicts(self.sites[place], [self.sites[peer] for peer in others], seen)
        found = zip(others, verdicts, strict=True)
        self._reasons[place] = {peer: verdict.reason for peer, verdict in found if not verdict.works}
        self._text = None
        return not self._reasons[place]

    def _told(self) -> str | None:
        ends = ((near, far) for near, lacks in self._reasons.items() for far in lacks)
        pairs = sorted({(min(near, far), max(near, far)) for near, far in ends})
        if not pairs:
            return None
        names = [self._named(near, far) for near, far in pairs[:_NAMED]]
        more = f"; and {len(pairs) - _NAMED} more" if len(pairs) > _NAMED else ""
        return f"{len(pairs)} of {_count(self.tunnels)} not standing: {'; '.join(names)}{more}"

    def _named(self, near: int, far: int) -> str:
        name = f"{self.sites[near].end_point.identifier}--{self.sites[far].end_point.identifier}"
        found = (self._reasons[own].get(other) for own, other in ((near, far), (far, near)))
        reasons = "; ".join(dict.fromkeys(filter(None, found)))
        return f"{name} ({reasons})" if reasons else name


def _working(service: Service, inventory: Inventory) -> tuple[Site, ...]:
    """The sites where the service was deployed without error, if an underlay joins them."""
    there = sites(service.swvc, inventory)
    if not service.installed or carrier(service.swvc, inventory, [site.ucpe for site in there]) is None:
        return ()
    ended = ((site, service.end_points.get(site.end_point.identifier)) for site in there)
    return tuple(site for site, state in ended if state and state.working)


def _count(tunnels: int) -> str:
    return f"{tunnels} tunnel{'s' * (tunnels != 1)}"
