"""Whether the tunnels of services stand that have been carried out: a gateway takes its intent before its peers answer.

After the work on a service has ended well, its gateways are looked at until every tunnel was seen once, or the service
is changed. Who asks meanwhile learns what is missing. What an earlier process has carried out is taken to stand.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from orchestrator.inventory import Inventory
from presto.domain.model import Service
from presto.domain.tunnels import installed, tunnel_verdict, tunnels
from presto.persistence.tenancy import detached
from presto.service.observer import Observer, Seen

_SHORTEST, _LONGEST = 0.5, 30.0
"""Seconds from one look to the next: as long as the last one took, within these."""
_NAMED = 3
"""Tunnels that are named of those that are missing."""


class Standing:
    """Looks at services until their tunnels stand."""

    def __init__(self, observer: Observer, inventory: Callable[[], Inventory]) -> None:
        self._observer, self._inventory = observer, inventory
        self._missing: dict[str, str] = {}
        self._watches: dict[str, asyncio.Task[None]] = {}

    def missing(self, service_id: str) -> str | None:
        """What of its tunnels does not stand yet, in words; None when nothing is known to be missing."""
        return self._missing.get(service_id)

    def watch(self, service: Service) -> None:
        """The work on a service has ended: look from now on, at what it has become."""
        self.forget(service.id)
        wanted = [tunnel for tunnel in tunnels(service.swvc, self._inventory()) if installed(service, tunnel)]
        if wanted:
            self._missing[service.id] = f"{_count(len(wanted))} not seen yet"
            look = self._look(service)
            self._watches[service.id] = asyncio.create_task(look, name=f"tunnels of {service.id}", context=detached())

    def forget(self, service_id: str) -> None:
        """The service is being changed, or gone."""
        self._missing.pop(service_id, None)
        if watch := self._watches.pop(service_id, None):
            watch.cancel()

    async def stop(self) -> None:
        """Look no more."""
        watches = list(self._watches.values())
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)
        await self._observer.stop()

    async def _look(self, service: Service) -> None:
        while True:
            start = time.monotonic()
            seen = (await self._observer.observe([service]))[service.id]
            if not (text := self._text(service, seen)):
                break
            self._missing[service.id] = text
            await asyncio.sleep(min(max(time.monotonic() - start, _SHORTEST), _LONGEST))
        self._missing.pop(service.id, None)
        self._watches.pop(service.id, None)

    def _text(self, service: Service, seen: Seen) -> str:
        """What is missing."""
        wanted = [tunnel for tunnel in tunnels(service.swvc, self._inventory()) if installed(service, tunnel)]
        verdicts = [(tunnel.name, verdict) for tunnel in wanted if not (verdict := tunnel_verdict(tunnel, seen)).works]
        if not verdicts:
            return ""
        reasons = "; ".join(_named(name, verdict.reason) for name, verdict in verdicts[:_NAMED])
        more = f"; and {len(verdicts) - _NAMED} more" if len(verdicts) > _NAMED else ""
        return f"{len(verdicts)} of {_count(len(wanted))} not standing: {reasons}{more}"


def _named(name: str, reason: str | None) -> str:
    return f"{name} ({reason})" if reason else name


def _count(tunnels: int) -> str:
    return f"{tunnels} tunnel{'s' * (tunnels != 1)}"
