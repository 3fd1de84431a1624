"""Observes what services really have on the network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from orchestrator.model import ServiceObservation, UnknownService
from presto.domain.credentials import utc_now
from presto.domain.model import Service
from presto.domain.tunnels import Seen
from presto.service.observation_cache import ObservationCache


class Observed(Protocol):
    """The part of the network that is observed."""

    async def observe(self, service_id: str) -> ServiceObservation:
        """What the uCPEs really have of a service now. Raises UnknownService when nothing of it is deployed."""
        ...


_Key = tuple[str, int, str]


class Observer(ObservationCache[_Key, Seen]):
    """Answers questions about services, for any number of askers."""

    def __init__(self, network: Observed, deadline: float | None = None) -> None:
        super().__init__(self._seen, lambda problem: Seen(problem=problem), deadline)
        self._network = network

    async def observe(self, services: Iterable[Service]) -> dict[str, Seen]:
        """Service id → what is seen of it now, within the deadline."""
        # A change of a service makes what was seen before worthless.
        keys = {service.id: (service.id, service.generation, service.state.value) for service in services}
        found = await self.ask(keys.values())
        return {service_id: found[key] for service_id, key in keys.items()}

    async def _seen(self, key: _Key) -> Seen:
        try:
            found = await self._network.observe(key[0])
        except UnknownService:
            return Seen(utc_now())
        return Seen(utc_now(), {site.ucpe: site for site in found.deployments})
