"""The one thing that every face talks to: takes orders, answers questions, and has accepted orders carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from common.findings import Finding, Rejected, Tag, nearest
from orchestrator.health import UcpeHealth
from orchestrator.inventory import Inventory, Ucpe, Uni
from orchestrator.model import UnknownUcpe
from presto.domain.acceptance import changed_service, checked_swvc
from presto.domain.check import Surroundings, check, completed, find_uni
from presto.domain.check_edges import Enrolment, check_enrolment, check_health
from presto.domain.credentials import utc_now
from presto.domain.enrolled import Enrolled
from presto.domain.model import ON_ITS_WAY_OUT, Service, State, Swvc
from presto.domain.settings import Settings
from presto.domain.tunnels import Seen
from presto.domain.wan_ports import claimable_on
from presto.persistence.additions import Additions
from presto.persistence.edges import Edges, joined, without
from presto.persistence.event_log import EventLog
from presto.persistence.idempotency import Keys
from presto.persistence.ids import new_id
from presto.persistence.paths import PathStore
from presto.persistence.store import Store
from presto.persistence.tenancy import NOBODY, Assignments, current, owner
from presto.service.cancel import cancel
from presto.service.enrolled_orders import EnrolledOrders
from presto.service.healing import Healing
from presto.service.meters import Meters
from presto.service.observer import Observer
from presto.service.orphans import Orphans
from presto.service.performance import Measurements, Prober
from presto.service.pipeline import Network, Pipeline
from presto.service.redaction import RedactingNetwork
from presto.service.standing import Standing
from presto.service.wan_adoption import adopt_ports
from presto_api.lifecycles import ServiceState

STOP_PATIENCE = 5.0
"""Seconds that work under way gets when the server stops; what is not done is taken up at the next start."""

_ENDPOINTS = frozenset({"docker", "ovsdb", "openflow", "tls"})


@dataclass(frozen=True)
class UniState:
    """A UNI, whether it is locked, for good or not, and the service that uses it, if any."""

    uni: Uni
    locked: bool
    service: str | None
    terminated: bool = False


class Core:
    """Services over an inventory. `start` takes up what an earlier process left unfinished; `stop` undoes it."""

    def __init__(
        self,
        inventory: Inventory,
        store: Store,
        network: Network,
        settings: Settings | None = None,
        assignments: Assignments | None = None,
    ) -> None:
        self._edges = Edges(store.engine, store.writer)
        self._inventory = joined(inventory, self._edges.all())
        self._assignments = assignments or Assignments()
        self._views: dict[str | None, Inventory] = {}
        self._store, self._network = store, (network := RedactingNetwork(network, self._inventory))
        self.events = EventLog(store.engine)
        self.paths = PathStore(store.engine)
        self.settings, self.catalogue = settings or Settings(), network.catalogue
        self.keys = Keys(store.engine, self.settings.answers_kept)
        self.meters = Meters()
        self.orphans = Orphans(store, self._network)
        self._observer, self._prober = Observer(network), Prober(network)
        self._standing = Standing(self._network, lambda: self._inventory)
        self._pipeline = Pipeline(self._inventory, store, network, self.settings, self.meters, self._standing)
        self._healing = Healing(network, self._pipeline.watch)
        network.use(self._inventory)
        self._enrolments: dict[str | None, Enrolled] = {}
        self.enrolled = EnrolledOrders(store.engine, store.writer, lambda: self.enrolment, self._assignments)
        self._enrolling = asyncio.Lock()

    @property
    def engine(self) -> Engine:
        """The database, for tables that stand beside those of the services."""
        return self._store.engine

    @property
    def inventory(self) -> Inventory:
        """The uCPEs and UNIs, as far as the tenant that is being served knows of them."""
        return self._view(current())

    def _view(self, tenant: str | None) -> Inventory:
        known = self._views  # those of a newer inventory stand in another one
        if tenant not in known:
            known[tenant] = self._assignments.visible(self._inventory, tenant)
        return known[tenant]

    async def start(self) -> None:
        """Take up all unfinished work."""
        await asyncio.to_thread(adopt_ports, self._store.writer, self._inventory)
        await self.events.start()
        await self.enrolled.start()
        for service_id in await asyncio.to_thread(self._store.unfinished):
            self._pipeline.wake(service_id)
        self._healing.start()

    async def stop(self) -> None:
        """Let work end for a moment, leave the rest to the next start, and close the store and the network."""
        await self._healing.stop()
        await self._standing.stop()
        await self._observer.stop()
        await self._prober.stop()
        await self._pipeline.stop(STOP_PATIENCE)
        await self.enrolled.stop()
        await self.events.stop()
        self._store.close()
        self._network.close()
        self._edges.close()

    @property
    def enrolment(self) -> Enrolled:
        """What the inventory has enrolled, as far as the tenant that is being served knows of it."""
        return self._enrolled(current())

    def _enrolled(self, tenant: str | None) -> Enrolled:
        known = self._enrolments
        if tenant not in known:
            known[tenant] = Enrolled(self._view(tenant))
        return known[tenant]

    def findings(self, swvc: Swvc, *, replaces: Service | None = None) -> tuple[Finding, ...]:
        """What is wrong with an SWVC, which may be going to replace what a service has."""
        return check(swvc, self._surroundings(swvc, replaces))

    def _surroundings(self, swvc: Swvc, replaces: Service | None = None, things: Iterable[str] = ()) -> Surroundings:
        """What its tenant knows of, and how these things stand; names are its tenant's."""
        besides, tenant = (replaces.id, replaces.tenant) if replaces else ("", owner())
        inventory, enrolled = self._view(tenant or current()), self._enrolled(tenant or current())
        ucpes = [uni.ucpe for uni in (find_uni(inventory, end_point.uni) for end_point in swvc.end_points) if uni]
        wanted = {claimed for ucpe in ucpes for claimed in claimable_on(inventory, ucpe)}
        asked = {*wanted, *things, *(thing for ucpe in ucpes for thing in enrolled.wans_of(ucpe))}
        held = self._store.held(swvc.identifier, tenant=tenant, besides=besides, claims=wanted, things=asked)
        names = frozenset({swvc.identifier} if held.name else ())
        return Surroundings(inventory, names, held.claims, held.closed, replaces)

    async def create(
        self,
        swvc: Swvc,
        earlier: tuple[Finding, ...] = (),
        things: Collection[str] = (),
        guard: Callable[[Mapping[str, ServiceState]], None] = lambda _closed: None,
    ) -> Service:
        """Accept an order: durably stored and on its way. Raises Rejected with everything that is wrong.

        `earlier` are findings of the face, which refuse the order together with those made here. `guard` may refuse it
        when no other change can come in between, by those of the enrolled `things` that are not active.
        """
        wanted = completed(swvc, self.inventory)

        def adding(added: Additions) -> Service:
            surroundings = self._surroundings(wanted, things=things)
            guard(surroundings.closed)
            checked, now = checked_swvc(wanted, earlier, surroundings), utc_now()
            service = Service(new_id(), checked, State.ACCEPTED, 1, now, now, tenant=owner())
            self._store.add(added, service)
            return service

        return await self._take_in(self._store.writer.add(adding))

    async def update(
        self,
        id_or_name: str,
        change: Callable[[Swvc], Swvc],
        earlier: tuple[Finding, ...] = (),
        guard: Callable[[Service], None] | None = None,
    ) -> Service:
        """Accept a change of a service. Raises Rejected with everything that is wrong.

        `guard` may refuse the service as it stands, when no other change can come in between.
        """

        def changed() -> Service:
            service = self._service(id_or_name)
            if guard:
                guard(service)
            if service.state in ON_ITS_WAY_OUT:
                message = f'Service "{service.swvc.identifier}" is being removed'
                raise Rejected([Finding(Tag.IN_USE, ("service",), message, "Order it anew when it is gone.")])
            swvc = completed(change(service.swvc), self.inventory)
            return changed_service(
                service, State.ACCEPTED, checked_swvc(swvc, earlier, self._surroundings(swvc, service))
            )

        return await self._change(changed)

    async def delete(self, id_or_name: str, guard: Callable[[Service], None] | None = None) -> Service:
        """Have a service removed, whatever state it is in; asking twice changes nothing. Raises Rejected.

        `guard` may refuse the service as it stands.
        """

        def change() -> Service:
            service = self._service(id_or_name)
            if guard:
                guard(service)
            return (
                service if service.state is State.REMOVING else changed_service(service, State.REMOVING, service.swvc)
            )

        return await self._change(change)

    async def cancel(self, order_id: str) -> None:
        """Cancel an order. Raises Rejected when there is none of that id, or when it is too late."""
        try:
            changed = await self._store.writer.do(lambda session: cancel(self._store, session, order_id))
        except IntegrityError:
            message = "Another service has taken the name or one of the ports that the service had before"
            raise Rejected([Finding(Tag.IN_USE, ("order",), message, "Order how it shall be.")]) from None
        if changed is not None:
            self._pipeline.wake(changed)

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
        return await asyncio.to_thread(self._service, id_or_name)

    def _service(self, id_or_name: str) -> Service:
        service = self._store.find(id_or_name)
        if service is None:
            hint = nearest(id_or_name, sorted(self._store.names()), "Services")
            raise Rejected([Finding(Tag.NOT_FOUND, ("service",), f'There is no service "{id_or_name}"', hint)])
        return service

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
        """What of a service is not back that ended on a uCPE, or which tunnels do not stand yet, in words, if any."""
        return self._healing.missing(service.id) or self._standing.missing(service.id)

    async def observe(self, services: Iterable[Service]) -> dict[str, Seen]:
        """Service id → what is seen of it on the network, in a few seconds at most; what is not known says so."""
        return await self._observer.observe(services)

    async def measure(self, services: Iterable[Service], echoes: int) -> dict[str, Measurements]:
        """Service id → what its gateways measure now, in a few seconds at most; with 0 echoes nothing."""
        if not echoes:
            return {service.id: Measurements() for service in services}
        return await self._prober.measure(services, self.inventory, echoes)

    def edge(self, edge_id: str) -> Ucpe:
        """The uCPE of that id. Raises Rejected when there is none."""
        with suppress(UnknownUcpe):
            return self.inventory.ucpe(edge_id)
        hint = nearest(edge_id, (ucpe.id for ucpe in self.inventory.ucpes), "Edges")
        raise Rejected([Finding(Tag.NOT_FOUND, ("edge",), f'There is no edge "{edge_id[:64]}"', hint)])

    async def health(self, edge_id: str) -> UcpeHealth:
        """Ask the three endpoints of a uCPE. Raises Rejected when there is none of that id."""
        return await self._network.health(self.edge(edge_id))

    async def enrol(self, wanted: Enrolment) -> Ucpe:
        """Take a uCPE in for orders, once it was really reached. Raises Rejected with everything that is wrong."""
        async with self._enrolling:
            found = list(check_enrolment(wanted, self._inventory))
            armed = await asyncio.to_thread(self._edges.armed, wanted)
            try:
                # Only what may be asked is asked, even when it is refused anyway.
                if not any(finding.path[0] in _ENDPOINTS for finding in found):
                    found += check_health(wanted, await self._network.health(armed.ucpe))
                if found:
                    raise Rejected(found)
                await asyncio.to_thread(self._edges.save, wanted)
            except BaseException:
                self._edges.disarm(armed.ucpe)
                raise
            self._use(joined(self._inventory, [armed]))
        return armed.ucpe

    async def withdraw(self, edge_id: str) -> None:
        """Forget an enrolled uCPE. Raises Rejected when there is none, or when a service uses it."""
        async with self._enrolling:
            before = self._inventory
            try:
                ucpe = await self._store.writer.do(lambda _session: self._withdraw(edge_id))
            except BaseException:
                self._use(before)
                raise
            self._edges.disarm(ucpe)

    def _withdraw(self, edge_id: str) -> Ucpe:
        """In one change with the checks, after which no order can use it any more."""
        ucpe, unis = self.edge(edge_id), self._inventory.unis_on(edge_id)
        users = {state.service for state in self._uni_states(unis) if state.service}
        users |= set(self._network.carried(edge_id))
        if users:
            message = f"Edge {edge_id} carries service {', '.join(sorted(users))}"
            raise Rejected([Finding(Tag.IN_USE, ("edge",), message, "Delete the service first.")])
        if not self._edges.forget(ucpe):
            hint = "Take it out there, and start the server anew."
            raise Rejected([Finding(Tag.IN_USE, ("edge",), f"Edge {edge_id} stands in the inventory file", hint)])
        for uni in unis:
            self._store.lock_uni(uni.id, locked=False)
        self._use(without(self._inventory, ucpe))
        return ucpe

    def _use(self, inventory: Inventory) -> None:
        """From here on everybody works with this one."""
        self._inventory, self._views, self._enrolments = inventory, {}, {}
        self._pipeline.use(inventory)

    async def unis(self) -> tuple[UniState, ...]:
        """All UNIs of the inventory."""
        return await asyncio.to_thread(self._uni_states, self.inventory.unis)

    async def uni(self, id_or_name: str) -> UniState:
        """The UNI of that id or name. Raises Rejected when there is none."""
        return await asyncio.to_thread(self._uni, id_or_name)

    def _uni_states(self, unis: Sequence[Uni]) -> tuple[UniState, ...]:
        among = {uni.id for uni in unis} if len(unis) < len(self.inventory.unis) else None
        locked, claims = self._store.locked_unis(among=among), self._store.claims(among=among)
        ended = self.enrolled.ended() if locked else frozenset()
        return tuple(UniState(uni, uni.id in locked, claims.get(uni.id), uni.id in ended) for uni in unis)

    def _uni(self, id_or_name: str) -> UniState:
        found = find_uni(self.inventory, id_or_name)
        if found:
            return self._uni_states([found])[0]
        hint = nearest(id_or_name, (uni.name for uni in self.inventory.unis), "UNIs")
        raise Rejected([Finding(Tag.NOT_FOUND, ("uni",), f'There is no UNI "{id_or_name}"', hint)])

    async def lock_uni(self, id_or_name: str, *, locked: bool) -> None:
        """Lock or unlock a UNI for orders. Raises Rejected when there is none, or when a service uses it."""

        def work(_session: Session) -> None:
            state = self._uni(id_or_name)
            if not self._assignments.owns(current(), state.uni.id):
                message = f"UNI {state.uni.name} is there for every tenant"
                raise Rejected([Finding(Tag.ACCESS_DENIED, ("uni",), message, "Ask the operator to lock it.")])
            if locked and state.service:
                message = f'UNI {state.uni.name} belongs to service "{state.service}"'
                raise Rejected([Finding(Tag.IN_USE, ("uni",), message, "Delete the service first.")])
            if state.terminated and locked:
                return  # it is locked, and stays so
            if state.terminated:
                message = f"UNI {state.uni.name} is terminated"
                raise Rejected([Finding(Tag.IN_USE, ("uni",), message, "Enrol it anew, under another name.")])
            tenant = self._assignments.tenants.get(state.uni.id, NOBODY)
            self._store.lock_uni(state.uni.id, locked=locked, tenant=tenant)

        await self._store.writer.do(work)

    async def _change(self, change: Callable[[], Service]) -> Service:
        """Check and store a change in one transaction: what was checked still holds when it is written."""

        def work(_session: Session) -> Service:
            service = change()
            self._store.save(service)
            return service

        return await self._take_in(self._store.writer.do(work))

    async def _take_in(self, stored: Awaitable[Service]) -> Service:
        """Have what is stored carried out."""
        try:
            with self._pipeline.right_of_way.request():
                service = await stored
        except IntegrityError:
            message = "Another order took the name or one of the ports just now"
            raise Rejected([Finding(Tag.DATA_EXISTS, (), message, "Look at the services and order again.")]) from None
        self._pipeline.wake(service.id)
        return service
