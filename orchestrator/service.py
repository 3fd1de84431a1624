"""The orchestrator's interface: deploy, modify, remove and observe services over many uCPEs at once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import ParamSpec, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

from orchestrator.healing import LOST, SOUND, Healing
from orchestrator.intent import SiteIntent
from orchestrator.inventory import Inventory, Ucpe
from orchestrator.model import (
    Conflict,
    DeploymentObservation,
    DeploymentOutcome,
    EventListener,
    InventoryError,
    RequestError,
    Result,
    ServiceEvent,
    ServiceObservation,
    ServiceOutcome,
    ServiceRequest,
    SiteMeasurement,
    UcpeError,
)
from orchestrator.plan import SitePlan, plan_site, port_keys, service_prefix
from orchestrator.southbound.contract import Connect
from orchestrator.southbound.engine_events import Ended, ended_containers
from orchestrator.southbound.uplink import connected
from orchestrator.store import HEALING, Store, StoredService
from orchestrator.tosca import Catalogue
from orchestrator.ucpe.execute import Record, deploy_site, remove_site
from orchestrator.ucpe.health import UcpeHealth, ucpe_health
from orchestrator.ucpe.measure import measure_site
from orchestrator.ucpe.observe import observe_gateway, observe_site, site_differences

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)

_WORST_FIRST = (Result.INCONSISTENT, Result.ROLLED_BACK, Result.APPLIED, Result.REMOVED, Result.UNCHANGED)


CONCURRENT_CHANGES, CONCURRENT_LOOKS = 8, 8
"""uCPEs that are changed, and looked at, at the same time; the others wait for their turn, which no deadline counts."""


class Orchestrator:
    """Deploys services from the catalogue's templates to the inventory's uCPEs; `store` is an SQLAlchemy URL.

    `connect` opens sessions with uCPEs, `ended` their streams of events: the driver below. A service may be changed by
    one request at a time; requests for different services run side by side. Over all of them, no more uCPEs are worked
    on at once than `changed` and `looked_at` say: more would not be done earlier, but all so late that engines miss the
    deadlines of their answers.
    """

    def __init__(
        self,
        inventory: Inventory,
        store: str | Store,
        catalogue: Catalogue | None = None,
        connect: Connect = connected,
        *,
        ended: Ended = ended_containers,
        changed: int = CONCURRENT_CHANGES,
        looked_at: int = CONCURRENT_LOOKS,
    ) -> None:
        self._changing, self._looking = asyncio.Semaphore(changed), asyncio.Semaphore(looked_at)
        self._inventory = inventory
        self._store = Store(store) if isinstance(store, str) else store
        self._catalogue = catalogue or Catalogue()
        self._connect = connect
        self._ended = ended
        self._busy: set[str] = set()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._healing: Healing | None = None

    def close(self) -> None:
        """Close the state database."""
        self._store.close()

    async def deploy(self, request: ServiceRequest, on_event: EventListener | None = None) -> ServiceOutcome:
        """Make the service as requested; one that exists already is modified by the difference alone.

        An end point that fails is put back to what it was, and does not stop the others. Raises RequestError
        (TemplateError, UnknownTemplate, UnknownProduct, UnknownUcpe, Conflict …) when the request cannot be served as
        it stands; then nothing was created.
        """
        request = _checked(request)
        async with self._change(request.id, on_event) as work:
            sites = {item.ucpe: self._inventory.ucpe(item.ucpe) for item in request.deployments}
            intents = await asyncio.to_thread(self._compile, request)
            stored, plans, leaving = await asyncio.to_thread(self._begin, request, intents)
            outcomes = await asyncio.gather(
                *(work.deploy(sites[ucpe], plan, stored.records.get(ucpe, Record())) for ucpe, plan in plans.items()),
                *(work.remove(ucpe) for ucpe in leaving),
            )
            return work.outcome(stored.generation, outcomes)

    async def remove(self, service_id: str, on_event: EventListener | None = None) -> ServiceOutcome:
        """Remove the service from all its uCPEs, in whatever state it is, and forget it when nothing is left.

        Raises UnknownService.
        """
        async with self._change(service_id, on_event) as work:
            stored = await asyncio.to_thread(self._store.service, service_id)
            sites = [self._inventory.ucpe(ucpe) for ucpe in stored.records]
            await asyncio.to_thread(self._store.begin, service_id, dict.fromkeys(stored.records))
            outcomes = await asyncio.gather(*(work.remove(ucpe) for ucpe in sites))
            outcome = work.outcome(stored.generation, outcomes or (), nothing=Result.REMOVED)
            if outcome.succeeded:
                await asyncio.to_thread(self._store.forget, service_id)
            return outcome

    async def observe(self, service_id: str) -> ServiceObservation:
        """What the uCPEs really have of the service now. Raises UnknownService."""
        stored = await asyncio.to_thread(self._store.service, service_id)
        sites = await asyncio.gather(
            *(
                _in_turn(self._looking, observe_site, self._inventory.ucpe(ucpe), service_id, record, self._connect)
                for ucpe, record in stored.records.items()
            )
        )
        return ServiceObservation(service_id, stored.name, stored.generation, tuple(sites))

    async def gateway(self, service_id: str, ucpe: str) -> DeploymentObservation:
        """What the service's IPsec gateway on one uCPE says of its tunnels now. Raises UnknownUcpe."""
        return await _in_turn(self._looking, observe_gateway, self._inventory.ucpe(ucpe), service_id, self._connect)

    async def measure(
        self, service_id: str, targets: Mapping[str, Mapping[str, str]], echoes: int
    ) -> tuple[SiteMeasurement, ...]:
        """Let the service's IPsec gateways measure round trips inside their tunnels, with that many ICMP echoes each.

        `targets`: uCPE → peer → the address of the peer's gateway in its LAN. Raises UnknownService.
        """
        stored = await asyncio.to_thread(self._store.service, service_id)
        wanted = ((self._inventory.ucpe(ucpe), peers) for ucpe, peers in targets.items() if ucpe in stored.records)
        return tuple(
            await asyncio.gather(
                *(
                    _in_turn(self._looking, measure_site, ucpe, service_id, peers, echoes, self._connect)
                    for ucpe, peers in wanted
                )
            )
        )

    async def heal(self, on_event: EventListener | None = None) -> None:
        """Bring back what ends on the uCPEs, until cancelled.

        What a change or a removal works on is let alone until its end, and so is what a removal has left.
        `on_event` is told of each look what is lost (LOST), how that is brought back, and that nothing is (SOUND).
        Raises StoreError.
        """

        async def mend(service_id: str, ucpe: str) -> DeploymentOutcome | None:
            async with self._lock(service_id):
                work = _Work(self._store, service_id, on_event, self._connect, self._changing)
                return await work.mend(ucpe, self._inventory, self._looking)

        self._healing = Healing(self._store, lambda: self._inventory, self._ended, mend)
        try:
            await self._healing.run()
        finally:
            self._healing = None

    @property
    def catalogue(self) -> Catalogue:
        """The templates that sites are made from, and the VNFs that these can use."""
        return self._catalogue

    def use(self, inventory: Inventory) -> None:
        """Work with these uCPEs from now on; what is under way ends with those that it began with."""
        self._inventory = inventory

    def carried(self, ucpe: str) -> tuple[str, ...]:
        """The names of the services of which something is, or may be, on that uCPE."""
        return self._store.carried(ucpe)

    async def health(self, ucpe: Ucpe) -> UcpeHealth:
        """Whether that uCPE, of the inventory or not, can be used."""
        return await ucpe_health(ucpe)

    def services(self) -> tuple[StoredService, ...]:
        """All services that the store knows."""
        return self._store.services()

    @contextlib.asynccontextmanager
    async def _change(self, service_id: str, on_event: EventListener | None) -> AsyncIterator[_Work]:
        if service_id in self._busy:
            raise Conflict(f"service {service_id} is being changed by another request; wait for its end")
        self._busy.add(service_id)
        try:
            async with self._lock(service_id):
                yield _Work(self._store, service_id, on_event, self._connect, self._changing)
        finally:
            self._busy.discard(service_id)
            if self._healing:
                self._healing.changed(service_id)

    def _lock(self, service_id: str) -> asyncio.Lock:
        """Held by whoever changes the service: a request, or what heals it, which requests wait for."""
        return self._locks.setdefault(service_id, asyncio.Lock())

    def _compile(self, request: ServiceRequest) -> dict[str, SiteIntent]:
        catalogue = self._catalogue
        return {item.ucpe: catalogue.compile(item.template, item.inputs, item.products) for item in request.deployments}

    def _begin(
        self, request: ServiceRequest, intents: Mapping[str, SiteIntent]
    ) -> tuple[StoredService, dict[str, SitePlan], list[Ucpe]]:
        """What the service was, what it shall be and which uCPEs it leaves: recorded as begun where no conflict is."""
        with self._store.transaction() as transaction:
            _refuse_conflicts(request.id, intents, self._store.rivals(request.id, list(intents), transaction))
            stored = self._store.enter(request.id, request.name, transaction)
            plans = {}
            for ucpe, intent in intents.items():
                addresses = self._store.placeholders(request.id, ucpe, port_keys(intent), transaction)
                plans[ucpe] = plan_site(request.id, stored.generation, intent, ucpe, addresses)
            leaving = [self._inventory.ucpe(ucpe) for ucpe in stored.records if ucpe not in plans]
            attempts = {**plans, **dict.fromkeys(ucpe.id for ucpe in leaving)}
            self._store.begin(request.id, attempts, within=transaction)
        return stored, plans, leaving


class _Work:
    """One request under way: events with the time since its start, results into the store."""

    def __init__(
        self,
        store: Store,
        service_id: str,
        on_event: EventListener | None,
        connect: Connect,
        turns: asyncio.Semaphore,
    ) -> None:
        self._store = store
        self._service_id = service_id
        self._on_event = on_event
        self._connect = connect
        self._turns = turns
        self._start = time.monotonic()

    async def deploy(
        self, ucpe: Ucpe, plan: SitePlan, record: Record, inconsistent: str = Result.INCONSISTENT
    ) -> DeploymentOutcome:
        """`inconsistent` is the state in which a deployment is left that could not be undone."""

        def tell(stage: str, message: str, vnf: str | None) -> None:
            self._tell(ucpe.id, stage, message, vnf)

        outcome, after = await _in_turn(self._turns, deploy_site, ucpe, plan, record, tell, self._connect)
        state = inconsistent if outcome.result is Result.INCONSISTENT else outcome.result.value
        await asyncio.to_thread(self._store.finish, self._service_id, ucpe.id, after, state, outcome.error)
        return outcome

    async def remove(self, ucpe: Ucpe) -> DeploymentOutcome:
        def tell(stage: str, message: str, vnf: str | None) -> None:
            self._tell(ucpe.id, stage, message, vnf)

        outcome = await _in_turn(self._turns, remove_site, ucpe, self._service_id, tell, self._connect)
        if outcome.result is Result.REMOVED:
            await asyncio.to_thread(self._store.leave, self._service_id, ucpe.id)
        return outcome

    async def mend(self, ucpe: str, inventory: Inventory, looking: asyncio.Semaphore) -> DeploymentOutcome | None:
        """Make the service there as it is recorded; None when it is so, or is not to be touched."""
        record = await asyncio.to_thread(self._store.to_heal, self._service_id, ucpe)
        lost = await self._lost(inventory.ucpe(ucpe), record, looking) if record else ""
        if not (record and record.plan and lost):
            self._tell(ucpe, SOUND, "nothing is lost", None)
            return None
        await asyncio.to_thread(self._store.begin, self._service_id, {ucpe: record.plan}, HEALING)
        outcome = await self.deploy(inventory.ucpe(ucpe), record.plan, record, HEALING)
        if not outcome.error:
            log.warning("service %s on %s was brought back: %s", self._service_id, ucpe, lost)
        return outcome

    async def _lost(self, ucpe: Ucpe, record: Record, looking: asyncio.Semaphore) -> str:
        """What is other than recorded, in words. Raises UcpeError or InventoryError."""
        try:
            found = await _in_turn(looking, site_differences, ucpe, self._service_id, record, self._connect)
        except (UcpeError, InventoryError) as error:
            self._tell(ucpe.id, LOST, str(error), None)
            raise
        if lost := "; ".join(found):
            self._tell(ucpe.id, LOST, lost, None)
        return lost

    def outcome(
        self, generation: int, outcomes: Iterable[DeploymentOutcome], nothing: Result = Result.UNCHANGED
    ) -> ServiceOutcome:
        """The service fares as its worst end point."""
        outcomes = tuple(outcomes)
        results = {outcome.result for outcome in outcomes}
        result = next((result for result in _WORST_FIRST if result in results), nothing)
        elapsed = time.monotonic() - self._start
        return ServiceOutcome(self._service_id, generation, result, outcomes, round(elapsed, 4))

    def _tell(self, ucpe: str, stage: str, message: str, vnf: str | None) -> None:
        if self._on_event:
            elapsed = round(time.monotonic() - self._start, 4)
            self._on_event(ServiceEvent(self._service_id, stage, message, elapsed, ucpe, vnf))


async def _in_turn(
    turns: asyncio.Semaphore, work: Callable[P, Awaitable[T]], *arguments: P.args, **options: P.kwargs
) -> T:
    """Begin when it is one's turn: what takes its time, and what gives it a deadline, starts inside."""
    async with turns:
        return await work(*arguments, **options)


def _checked(request: ServiceRequest) -> ServiceRequest:
    try:
        canonical = str(UUID(request.id))
    except ValueError:
        raise RequestError(f"'{request.id}' is no UUID; a service is named by one") from None
    if request.id != canonical:
        raise RequestError(f"'{request.id}' is not how a UUID is written; write {canonical}")
    ucpes = [item.ucpe for item in request.deployments]
    if twice := sorted(ucpe for ucpe, times in Counter(ucpes).items() if times > 1):
        raise RequestError(f"more than one deployment on uCPE {', '.join(twice)}; a service has one for each")
    if not ucpes:
        raise RequestError("a service without a deployment; name at least one uCPE")
    return request


def _refuse_conflicts(service_id: str, intents: Mapping[str, SiteIntent], others: Iterable[StoredService]) -> None:
    """Another service that holds one of the chain's outer ports, or whose marks on a switch would be the same."""
    for other in others:
        if other.id == service_id:
            continue
        if service_prefix(other.id) == service_prefix(service_id):
            raise Conflict(f"service {other.id} has the same first eight digits; choose another UUID")
        for ucpe, intent in intents.items():
            for plan in other.records.get(ucpe, Record()).plans:
                if shared := {intent.lan_port, intent.wan_port} & {plan.lan_port, plan.wan_port}:
                    names = " and ".join(sorted(shared))
                    raise Conflict(f"{ucpe}: port {names} is in use by service {other.id} ({other.name})")
