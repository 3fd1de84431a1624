"""Carries out accepted orders in the background: one after the other for a service, different services in parallel.

Every step is recorded before it is taken, so that a restart takes up what was under way: the orchestrator's own
`deploy` and `remove` work by difference and may be asked again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any, Protocol
from weakref import WeakValueDictionary

from common.database import CONNECTION_ERRORS
from common.findings import Rejected
from orchestrator.inventory import Inventory, Ucpe
from orchestrator.model import (
    DeploymentOutcome,
    EventListener,
    OrchestratorError,
    RequestError,
    Result,
    ServiceEvent,
    ServiceOutcome,
    ServiceRequest,
    StoreUnavailable,
    UnknownService,
)
from orchestrator.store import StoredService
from orchestrator.tosca import Catalogue
from orchestrator.ucpe.health import UcpeHealth
from presto.domain import credentials
from presto.domain.compile import compile_request, site_unis
from presto.domain.model import UNFINISHED, EndPointState, Service, State
from presto.domain.settings import Settings
from presto.domain.tunnels import peers
from presto.domain.wan_ports import claimable_on
from presto.persistence.store import Store
from presto.persistence.tenancy import detached
from presto.service.background import Background
from presto.service.meters import Meters
from presto.service.observer import Observed
from presto.service.performance import Measured
from presto.service.request_priority import RequestPriority
from presto.service.tunnel_readiness import Gateways, TunnelReadiness

log = logging.getLogger(__name__)

DATABASE_RETRY_INTERVAL = 1.0
"""Seconds between attempts while the database does not answer."""

_WORKING = frozenset({Result.APPLIED, Result.UNCHANGED})
_CLEAN = _WORKING | {Result.REMOVED}
"""Where a uCPE has what the service says and nothing else of it."""


CONCURRENT_SERVICES = 4
"""Services that are worked on at once; the others wait, so that thousands of orders do not stifle the server."""


class Network(Gateways, Measured, Observed, Protocol):
    """What carries services out: the orchestrator, or in tests something that behaves like it."""

    async def deploy(self, request: ServiceRequest, on_event: EventListener | None = None) -> ServiceOutcome:
        """Make the network as the request asks; the same id again is a change."""
        ...

    async def remove(self, service_id: str, on_event: EventListener | None = None) -> ServiceOutcome:
        """Leave nothing of the service."""
        ...

    async def heal(self, on_event: EventListener | None = None) -> None:
        """Bring back what ends on the uCPEs, until cancelled."""
        ...

    @property
    def catalogue(self) -> Catalogue:
        """The templates that sites are made from, and the VNFs that these can use."""
        ...

    def use(self, inventory: Inventory) -> None:
        """Work with these uCPEs from now on."""

    def carried(self, ucpe: str) -> tuple[str, ...]:
        """The names of the services of which something is, or may be, on that uCPE."""
        ...

    def services(self) -> tuple[StoredService, ...]:
        """All that is deployed, or may be, whoever asked for it."""
        ...

    async def health(self, ucpe: Ucpe) -> UcpeHealth:
        """Whether that uCPE, of the inventory or not, can be used."""
        ...

    def close(self) -> None:
        """Give up what is held open."""


class Pipeline:
    """Works on services that `wake` names until each has reached the end of its order; then tunnels are watched."""

    def __init__(
        self,
        inventory: Inventory,
        store: Store,
        network: Network,
        settings: Settings,
        meters: Meters,
        readiness: TunnelReadiness,
    ) -> None:
        self._inventory, self._store, self._network, self._settings = inventory, store, network, settings
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stages: dict[str, str] = {}
        self._readiness = readiness
        self._took = meters.work_seconds.observe
        self._slots, self._background = asyncio.Semaphore(CONCURRENT_SERVICES), Background(CONCURRENT_SERVICES)
        self.request_priority = RequestPriority()

    def use(self, inventory: Inventory) -> None:
        """Work with these uCPEs from now on."""
        self._inventory = inventory
        self._network.use(inventory)

    def wake(self, service_id: str) -> None:
        """There is something new to do for this service."""
        self._begin(self._work(service_id), service_id)

    def watch(self, service_id: str) -> None:
        """Something of this service came back on the network: its tunnels are polled until they are up again."""
        self._begin(self._watch(service_id), service_id)

    def _begin(self, work: Coroutine[Any, Any, None], service_id: str) -> None:
        task = asyncio.create_task(work, name=f"service {service_id}", context=detached())
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    @property
    def length(self) -> int:
        """Pieces of work that wait or are under way."""
        return len(self._tasks)

    def stage(self, service_id: str) -> str | None:
        """What is being done for a service right now, in words."""
        return self._stages.get(service_id)

    async def stop(self, timeout: float) -> None:
        """Let running work end for `timeout` seconds, then leave the rest to the next start."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._background.close()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("%s: %s", task.get_name(), error, exc_info=error)

    def _lock(self, service_id: str) -> asyncio.Lock:
        return self._locks.setdefault(service_id, asyncio.Lock())

    async def _watch(self, service_id: str) -> None:
        async with self._lock(service_id):
            service = await self._background.run(self._store.find, service_id)
            if service and service.state not in UNFINISHED:
                self._readiness.expect(service)
                self._readiness.watch(service_id)

    async def _work(self, service_id: str) -> None:
        async with self._lock(service_id), self._slots, self.request_priority.turn():
            while not await self._worked(service_id):
                await asyncio.sleep(DATABASE_RETRY_INTERVAL)

    async def _worked(self, service_id: str) -> bool:
        """Do what is to do for a service; False when the database went away meanwhile, and all is to be done again."""
        try:
            service = await self._background.run(self._store.find, service_id)
            if service and service.state in UNFINISHED:
                await self._finish(service)
        except (*CONNECTION_ERRORS, StoreUnavailable) as error:
            log.warning("service %s waits for the database: %s", service_id, getattr(error, "orig", None) or error)
            return False
        finally:
            self._stages.pop(service_id, None)
        return True

    async def _finish(self, service: Service) -> None:
        start = time.monotonic()
        try:
            await self._carry_out(service)
        except (*CONNECTION_ERRORS, StoreUnavailable):
            raise
        except Exception as error:
            # A fault of ours: the order must not look as if it were still under way.
            reason = f"internal error ({type(error).__name__}); see the server's log"
            await self._record(service, _failure_state(service), reason)
            raise
        finally:
            self._took(time.monotonic() - start)

    async def _carry_out(self, service: Service) -> None:
        self._readiness.forget(service.id)
        if service.state is State.REMOVING:
            await self._remove(service)
        elif service.swvc.locked:
            await self._take_down(service)
        else:
            await self._deploy(service)

    async def _deploy(self, service: Service) -> None:
        if not await self._record(service, State.DEPLOYING, None):
            return
        try:
            request = await self._background.run(self._compile, service)
            outcome = await self._network.deploy(request, self._note)
        except StoreUnavailable:
            raise
        except RequestError as error:
            await self._record(service, State.FAILED, str(error))
        except (OrchestratorError, Rejected) as error:
            await self._record(replace(service, end_points={}), State.FAILED, str(error))
        else:
            await self._background.run(self._store.deployed, service, outcome.generation)
            await self._judge(service, outcome)

    def _compile(self, service: Service) -> ServiceRequest:
        ucpes = [uni.ucpe for uni in site_unis(service.swvc, self._inventory)]
        held = self._store.credentials(service.id)
        reached = enumerate(peers(service.swvc.end_points))
        pairs = ((ucpes[near], ucpes[far]) for near, fars in reached for far in fars if near < far)
        now, authentication = credentials.utc_now(), self._settings.authentication
        keys = credentials.complete(held, service.id, ucpes, authentication, now, pairs)
        if keys != held:
            self._store.save_credentials(service.id, keys)
        return compile_request(service, self._inventory, keys, self._settings)

    async def _judge(self, service: Service, outcome: ServiceOutcome) -> None:
        """Keep what works and name what does not; a site that was rolled back works as it did before."""
        ucpes = [uni.ucpe for uni in site_unis(service.swvc, self._inventory)]
        ended = {deployment.ucpe: deployment for deployment in outcome.deployments}
        end_points = _not_gone(service, ended)
        for end_point, ucpe in zip(service.swvc.end_points, ucpes, strict=True):
            before = service.end_points.get(end_point.identifier)
            here = ended.get(ucpe)
            result = here.result if here else outcome.result
            works = result in _WORKING or (result is Result.ROLLED_BACK and before is not None and before.working)
            fault = None if result in _WORKING else (here and here.error) or f"{ucpe}: {result.value}"
            end_points[end_point.identifier] = EndPointState(works, fault, ucpe)
        faults = [_of(name, state.error) for name, state in end_points.items() if state.error]
        failed = State.PARTIAL if any(state.working for state in end_points.values()) else State.FAILED
        state = failed if faults or not outcome.succeeded else State.ACTIVE
        error = "; ".join(faults) or (None if outcome.succeeded else f"the deployment ended {outcome.result.value}")
        after = replace(service, end_points=end_points)
        self._readiness.expect(replace(after, state=state))  # before it is told that the work has ended
        await self._record(after, state, error, outcome)
        self._readiness.watch(service.id)

    async def _take_down(self, service: Service) -> None:
        if not await self._record(service, State.DEPLOYING, None):
            return
        error, outcome = await self._clear(service)
        await self._record(replace(service, end_points={}), State.FAILED if error else State.LOCKED, error, outcome)

    async def _remove(self, service: Service) -> None:
        if not await self._record(service, State.REMOVING, None):
            return
        error, outcome = await self._clear(service)
        if error:
            await self._record(service, State.REMOVAL_FAILED, error, outcome)
        else:
            await self._background.run(self._store.remove, service)

    async def _clear(self, service: Service) -> tuple[str | None, ServiceOutcome | None]:
        """Take the service off the network; returns why that failed, and what it came to where it was tried."""
        try:
            outcome = await self._network.remove(service.id, self._note)
        except UnknownService:
            return None, None
        except StoreUnavailable:
            raise
        except OrchestratorError as error:
            return str(error), None
        if outcome.succeeded:
            return None, outcome
        faults = (_of(end.ucpe, end.error) for end in outcome.deployments if end.error)
        return "; ".join(faults) or f"the removal ended {outcome.result.value}", outcome

    def _note(self, event: ServiceEvent) -> None:
        place = f"{event.ucpe}: " if event.ucpe else ""
        self._stages[event.service_id] = f"{place}{event.message}"

    async def _record(
        self, service: Service, state: State, error: str | None, outcome: ServiceOutcome | None = None
    ) -> bool:
        """Keep where the work stands, and let go of ports that the service has no more where the outcome is clean."""
        log.info('service %s "%s": %s%s', service.id, service.swvc.identifier, state, f": {error}" if error else "")
        now = credentials.utc_now()
        clean = [end.ucpe for end in outcome.deployments if end.result in _CLEAN] if outcome else []
        ports = [port for ucpe in clean for port in claimable_on(self._inventory, ucpe)]
        after = replace(service, state=state, error=error, changed=now)
        return await self._background.run(self._store.progress, after, ports)


def _of(name: str, error: str) -> str:
    """What went wrong with something of that name, which the error may begin with by itself."""
    return error if error.startswith(f"{name}: ") else f"{name}: {error}"


def _not_gone(service: Service, ended: Mapping[str, DeploymentOutcome]) -> dict[str, EndPointState]:
    """The end points that should have left the service and are still on their uCPEs."""
    present = {end_point.identifier for end_point in service.swvc.end_points}
    left = {name: state for name, state in service.end_points.items() if name not in present and state.ucpe in ended}
    return {
        name: EndPointState(False, end.error or f"{end.ucpe}: {end.result.value}", end.ucpe)
        for name, end in ((name, ended[state.ucpe]) for name, state in left.items())
        if end.result not in _CLEAN
    }


def _failure_state(service: Service) -> State:
    return State.REMOVAL_FAILED if service.state is State.REMOVING else State.FAILED
