"""What all APIs call: takes orders, answers questions, and has accepted orders carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from common.findings import Finding, Rejected, Tag
from orchestrator.inventory import Inventory
from presto.domain.check import check
from presto.domain.enrolled import Enrolled
from presto.domain.model import Service, Swvc
from presto.domain.settings import Settings
from presto.domain.tunnels import Seen
from presto.persistence.edges import Edges, joined
from presto.persistence.event_log import EventLog
from presto.persistence.idempotency import KeyedRequest, Keys
from presto.persistence.paths import PathStore
from presto.persistence.store import Store
from presto.persistence.tenancy import Assignments
from presto.persistence.unit_of_work import NewOrder, UnitOfWork
from presto.persistence.writer import Change, Outcome
from presto.service.acceptance import Acceptance
from presto.service.edge_enrolment import EdgeEnrolment
from presto.service.enrolled_orders import EnrolledOrders
from presto.service.healing import Healing
from presto.service.meters import Meters
from presto.service.observer import Observer
from presto.service.orphans import Orphans
from presto.service.performance import Measurements, Prober
from presto.service.pipeline import Network, Pipeline
from presto.service.redaction import RedactingNetwork
from presto.service.tunnel_readiness import TunnelReadiness
from presto.service.unis import Unis, UniState
from presto.service.views import Views

STOP_TIMEOUT = 5.0
"""Seconds that work under way gets when the server stops; what is not done is taken up at the next start."""


class Core:
    """Services over an inventory.

    `load` takes in what was enrolled beside it, `start` takes up what an earlier process left unfinished; `stop` undoes
    both.
    """

    def __init__(
        self,
        inventory: Inventory,
        store: Store,
        network: Network,
        settings: Settings | None = None,
        assignments: Assignments | None = None,
    ) -> None:
        self._inventory, self._edge_store = inventory, Edges(store.engine)
        self._views = Views(inventory, assignments or Assignments())
        self._store, self._network = store, (network := RedactingNetwork(network, self._views.whole))
        self.events, self.paths = EventLog(store.engine), PathStore(store.engine)
        self.settings, self.catalogue = settings or Settings(), network.catalogue
        self.keys = Keys(store.engine, self.settings.answers_kept)
        self.meters = Meters()
        self.orphans = Orphans(store, network)
        self._observer, self._prober = Observer(network), Prober(network)
        self._readiness = TunnelReadiness(network, lambda: self._views.whole)
        self._pipeline = Pipeline(self._views.whole, store, network, self.settings, self.meters, self._readiness)
        self._healing = Healing(network, self._pipeline.watch)
        self.enrolled = EnrolledOrders(store.engine, store.writer, self._views)
        self.acceptance = Acceptance(self._views, store)
        self._unis = Unis(self._views, store)
        self.edges = EdgeEnrolment(self._views, self._unis, self._edge_store, network, store.writer, self._use)

    @property
    def engine(self) -> Engine:
        """The database, for tables that stand beside those of the services."""
        return self._store.engine

    @property
    def inventory(self) -> Inventory:
        """The uCPEs and UNIs, as far as the tenant that is being served knows of them."""
        return self._views.inventory

    @property
    def enrolment(self) -> Enrolled:
        """What the inventory has enrolled, as far as the tenant that is being served knows of it."""
        return self._views.enrolled

    def load(self) -> None:
        """Take in the uCPEs that were enrolled at run time. Raises InventoryError when a name stands in both."""
        self._use(joined(self._inventory, self._edge_store.all()))

    async def start(self) -> None:
        """Take up all unfinished work."""
        await self.events.start()
        await self.enrolled.start()
        for service_id in await asyncio.to_thread(self._store.unfinished):
            self._pipeline.wake(service_id)
        self._healing.start()

    async def stop(self) -> None:
        """Let work end for a moment, leave the rest to the next start, and close the store and the network."""
        await self._healing.stop()
        await self._readiness.stop()
        await self._observer.stop()
        await self._prober.stop()
        await self._pipeline.stop(STOP_TIMEOUT)
        await self.enrolled.stop()
        await self.events.stop()
        self._store.close()
        self._network.close()
        self._edge_store.close()

    def findings(self, swvc: Swvc) -> tuple[Finding, ...]:
        """What is wrong with a new SWVC."""
        return check(swvc, self.acceptance.surroundings(swvc))

    async def create(
        self,
        swvc: Swvc,
        earlier: tuple[Finding, ...] = (),
        *,
        order: NewOrder | None = None,
        request: KeyedRequest | None = None,
    ) -> Service:
        """Accept a new service: durably stored and on its way. Raises Rejected with everything that is wrong.

        `earlier` are findings of the API, which refuse it together with those made here. It is stored together with
        the `order` that asks for it and the key of the `request`, or not at all.
        """
        create = partial(self.acceptance.create, swvc=swvc, earlier=earlier, order=order)
        return _service(await self.accept(create, request))

    async def update(
        self,
        id_or_name: str,
        change: Callable[[Swvc], Swvc],
        earlier: tuple[Finding, ...] = (),
        *,
        guard: Callable[[Service], None] | None = None,
        request: KeyedRequest | None = None,
    ) -> Service:
        """Accept a change of a service. Raises Rejected with everything that is wrong.

        `guard` may refuse the service as it stands, when no other change can come in between.
        """
        update = partial(self.acceptance.update, id_or_name=id_or_name, change=change, earlier=earlier, guard=guard)
        return _service(await self.accept(update, request))

    async def delete(
        self,
        id_or_name: str,
        *,
        guard: Callable[[Service], None] | None = None,
        request: KeyedRequest | None = None,
    ) -> Service:
        """Have a service removed, whatever state it is in; asking twice changes nothing. Raises Rejected.

        `guard` may refuse the service as it stands.
        """
        delete = partial(self.acceptance.delete, id_or_name=id_or_name, guard=guard)
        return _service(await self.accept(delete, request))

    async def cancel(self, order_id: str, request: KeyedRequest | None = None) -> None:
        """Cancel an order. Raises Rejected when there is none of that id, or when it is too late."""
        try:
            unit = await self._store.writer.run_async(
                _returning(partial(self.acceptance.cancel, order_id=order_id)), request
            )
        except IntegrityError:
            message = "Another service has taken the name or one of the ports that the service had before"
            raise Rejected([Finding(Tag.IN_USE, ("order",), message, "Order how it shall be.")]) from None
        self._wake(unit)

    async def accept(self, change: Change[None], request: KeyedRequest | None = None) -> UnitOfWork:
        """Have a change stored and carried out; returns what it has stored. Raises what it raises, and Rejected."""
        try:
            with self._pipeline.request_priority.request():
                unit = await self._store.writer.run_async(_returning(change), request)
        except IntegrityError:
            raise _just_taken() from None
        self._wake(unit)
        return unit

    async def accept_all(
        self, changes: Sequence[Change[None]], request: KeyedRequest | None = None, *, all_or_none: bool
    ) -> list[UnitOfWork | Exception]:
        """As `accept`, of several in one transaction; what was refused is in its place.

        With `all_or_none` nothing is stored when one is refused.
        """
        outcomes = await self._store.writer.run_batch(list(map(_returning, changes)), request, all_or_none=all_or_none)
        for unit in (outcome.value for outcome in outcomes if outcome.value):
            self._wake(unit)
        return [_end(outcome) for outcome in outcomes]

    def _wake(self, unit: UnitOfWork) -> None:
        """Have what was stored carried out."""
        if unit.service:
            self._pipeline.wake(unit.service.id)
        elif unit.order:
            self.enrolled.wake(unit.order.order.id)

    async def services(self) -> tuple[Service, ...]:
        """All services, oldest first."""
        return await asyncio.to_thread(self._store.services)

    async def service_ids(self) -> tuple[str, ...]:
        """The ids of all services, oldest first."""
        return await asyncio.to_thread(self._store.ids)

    async def service_page(self, after: str | None, limit: int) -> tuple[Service, ...] | None:
        """So many services, from the one after that id on; None when there is none of that id."""
        return await asyncio.to_thread(self._store.page, after, limit)

    async def service(self, id_or_name: str) -> Service:
        """The service of that id or name. Raises Rejected when there is none."""
        return await asyncio.to_thread(self.acceptance.find, id_or_name)

    @property
    def queue_length(self) -> int:
        """Pieces of work on services that wait or are under way."""
        return self._pipeline.length

    async def changes(self, service: Service) -> dict[int, int]:
        """The orchestrator's generation → the change of the service that it carried out, oldest first."""
        return await asyncio.to_thread(self._store.changes, service.id)

    def stage(self, service: Service) -> str | None:
        """What is being done for a service right now, in words."""
        return self._pipeline.stage(service.id)

    def missing(self, service: Service) -> str | None:
        """What of a service is not back that ended on a uCPE, or which tunnels are not up yet, in words, if any."""
        return self._healing.missing(service.id) or self._readiness.missing(service.id)

    async def observe(self, services: Iterable[Service]) -> dict[str, Seen]:
        """Service id → what is seen of it on the network, in a few seconds at most; what is not known says so."""
        return await self._observer.observe(services)

    async def measure(self, services: Iterable[Service], echoes: int) -> dict[str, Measurements]:
        """Service id → what its gateways measure now, in a few seconds at most; with 0 echoes nothing."""
        if not echoes:
            return {service.id: Measurements() for service in services}
        return await self._prober.measure(services, self.inventory, echoes)

    def _use(self, inventory: Inventory) -> None:
        """From here on everybody works with this one."""
        self._views.use(inventory)
        self._pipeline.use(inventory)

    async def unis(self) -> tuple[UniState, ...]:
        """All UNIs of the inventory."""
        return await asyncio.to_thread(self._unis.states)

    async def uni(self, id_or_name: str) -> UniState:
        """The UNI of that id or name. Raises Rejected when there is none."""
        return await asyncio.to_thread(self._unis.find, id_or_name)

    async def lock_uni(self, id_or_name: str, *, locked: bool, request: KeyedRequest | None = None) -> None:
        """Lock or unlock a UNI for orders. Raises Rejected when there is none, or when a service uses it."""
        lock = partial(self._unis.lock, id_or_name=id_or_name, locked=locked)
        await self._store.writer.run_async(lock, request)


def _returning(change: Change[None]) -> Change[UnitOfWork]:
    """The change, as one that returns what it has stored."""

    def changed(unit: UnitOfWork) -> UnitOfWork:
        change(unit)
        return unit

    return changed


def _service(unit: UnitOfWork) -> Service:
    if unit.service is None:
        raise LookupError("the change has stored no service")
    return unit.service


def _end(outcome: Outcome[UnitOfWork]) -> UnitOfWork | Exception:
    if isinstance(outcome.fault, IntegrityError):
        return _just_taken()
    return outcome.fault or outcome.value or LookupError("the change has stored nothing")


def _just_taken() -> Rejected:
    message = "Another order took the name or one of the ports just now"
    return Rejected([Finding(Tag.DATA_EXISTS, (), message, "Look at the services and order again.")])
