"""Delay and loss of tunnels: what their gateways measure through them when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from statistics import fmean
from typing import Protocol

from orchestrator.inventory import Inventory
from orchestrator.model import SiteMeasurement, UnknownService
from presto.domain.credentials import utc_now
from presto.domain.model import Service
from presto.domain.tunnels import tunnels
from presto.service.observation_cache import DEADLINE, ObservationCache

ECHOES, MAX_ECHOES = 5, 50
"""Requests to each peer, usually and at most; they take 10 ms each, and a second more when the last is not answered."""


class Measured(Protocol):
    """The part of the network that measures."""

    async def measure(
        self, service_id: str, targets: Mapping[str, Mapping[str, str]], echoes: int
    ) -> tuple[SiteMeasurement, ...]:
        """Let the gateways measure: uCPE → peer → the address of the peer's gateway inside the tunnel.

        Raises UnknownService when nothing of the service is deployed.
        """
        ...


@dataclass(frozen=True)
class Performance:
    """Round trips from one gateway to another and back (RFC 2681), and how many were lost (RFC 6673).

    Delays are in milliseconds, `loss` in per cent as MEF 70.2 has it. The delays are None when nothing came back,
    `variation`, the mean difference between one round trip and the next (RFC 5481), needs two.
    """

    moment: datetime
    sent: int
    received: int
    minimum: float | None
    mean: float | None
    maximum: float | None
    variation: float | None

    @property
    def loss(self) -> float:
        """Per cent of the requests that were not answered."""
        return 100.0 * (self.sent - self.received) / self.sent


def performance(round_trips: Sequence[float | None], moment: datetime) -> Performance:
    """The figures of at least one round trip in milliseconds; None is one that was lost."""
    back = [one for one in round_trips if one is not None]
    differences = [abs(later - one) for one, later in pairwise(round_trips) if one is not None and later is not None]
    return Performance(
        moment,
        sent=len(round_trips),
        received=len(back),
        minimum=min(back, default=None),
        mean=fmean(back) if back else None,
        maximum=max(back, default=None),
        variation=fmean(differences) if differences else None,
    )


@dataclass(frozen=True)
class Measurements:
    """What was measured of a service: uCPE → what its gateway says. `problem` says why nothing is known at all."""

    moment: datetime | None = None
    sites: Mapping[str, SiteMeasurement] = field(default_factory=dict)
    problem: str | None = None

    def of(self, own: str, peer: str) -> Performance | str:
        """What the gateway on a uCPE measured to its peer, or why there is nothing."""
        if self.problem or self.moment is None:
            return self.problem or "it was not measured"
        here = self.sites.get(own)
        if here is None:
            return f"{own}: nothing is deployed"
        round_trips = here.round_trips.get(peer)
        if here.problem or not round_trips:
            return here.problem or f"{own}: its gateway measured nothing to {peer}"
        return performance(round_trips, self.moment)


_Targets = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
_Key = tuple[str, int, str, int, _Targets]


class Prober(ObservationCache[_Key, Measurements]):
    """Has tunnels measured, for any number of askers; those that ask the same within a moment share the answer."""

    def __init__(self, network: Measured, deadline: float = DEADLINE) -> None:
        super().__init__(self._measured, lambda problem: Measurements(problem=problem), deadline)
        self._network = network

    async def measure(self, services: Iterable[Service], inventory: Inventory, echoes: int) -> dict[str, Measurements]:
        """Service id → what its gateways measure now, within the deadline, with that many echoes to each peer."""
        keys = {one.id: (one.id, one.generation, one.state.value, echoes, _targets(one, inventory)) for one in services}
        found = await self.ask(keys.values())
        return {service_id: found[key] for service_id, key in keys.items()}

    async def _measured(self, key: _Key) -> Measurements:
        service_id, _, _, echoes, targets = key
        try:
            found = await self._network.measure(service_id, {own: dict(peers) for own, peers in targets}, echoes)
        except UnknownService:
            return Measurements(utc_now())
        return Measurements(utc_now(), {site.ucpe: site for site in found})


def _targets(service: Service, inventory: Inventory) -> _Targets:
    """The provider's address at a UNI is that of the gateway there, inside the tunnel."""
    found: dict[str, dict[str, str]] = {}
    for tunnel in tunnels(service.swvc, inventory):
        for own, other in tunnel.directions:
            found.setdefault(own.ucpe, {})[other.ucpe] = str(other.uni.provider_address)
    return tuple((own, tuple(peers.items())) for own, peers in found.items())
