"""Changes of services as they are asked for: each is checked and stored in the unit of work that it gets.

What is checked here still holds when it is stored, because one thread writes for all (`presto.persistence.writer`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import uuid4

from sqlalchemy.orm import Session

from common.findings import Finding, Rejected, Tag, nearest
from presto.domain.acceptance import changed_service, checked_swvc
from presto.domain.check import Surroundings, completed
from presto.domain.credentials import utc_now
from presto.domain.model import ON_ITS_WAY_OUT, Service, State, Swvc
from presto.domain.wan_ports import claimable_on
from presto.persistence import service_writes
from presto.persistence.store import Store, Wanted
from presto.persistence.tenancy import current, owner
from presto.persistence.unit_of_work import NewOrder, UnitOfWork
from presto.service.cancel import cancel
from presto.service.views import Views


class Acceptance:
    """What a service can be asked to become. Each method raises Rejected with everything that is wrong.

    An `order` is stored with the change that it asks for; `earlier` are findings of the API, which refuse the change
    together with those made here.
    """

    def __init__(self, views: Views, store: Store) -> None:
        self._views, self._store = views, store

    def create(
        self, unit: UnitOfWork, swvc: Swvc, earlier: tuple[Finding, ...] = (), order: NewOrder | None = None
    ) -> None:
        """Store a new service as accepted."""
        wanted = completed(swvc, self._views.inventory)
        surroundings = self.surroundings(wanted, resources=order.enrolled if order else (), session=unit.session)
        if order:
            order.check_enrolled(surroundings.closed)
        checked, now = checked_swvc(wanted, earlier, surroundings), utc_now()
        service = Service(str(uuid4()), checked, State.ACCEPTED, 1, now, now, tenant=owner())
        service_writes.add(unit, service, order)

    def update(
        self,
        unit: UnitOfWork,
        id_or_name: str,
        change: Callable[[Swvc], Swvc],
        earlier: tuple[Finding, ...] = (),
        order: NewOrder | None = None,
        guard: Callable[[Service], None] | None = None,
    ) -> None:
        """Store a change of a service as accepted; `guard` may refuse the service as it stands."""
        service = self._checked(unit, id_or_name, order, guard)
        if service.state in ON_ITS_WAY_OUT:
            message = f'Service "{service.swvc.identifier}" is being removed'
            raise Rejected([Finding(Tag.IN_USE, ("service",), message, "Order it anew when it is gone.")])
        wanted = completed(change(service.swvc), self._views.inventory)
        checked = checked_swvc(wanted, earlier, self.surroundings(wanted, service, session=unit.session))
        service_writes.replace(unit, changed_service(service, State.ACCEPTED, checked), order)

    def delete(
        self,
        unit: UnitOfWork,
        id_or_name: str,
        order: NewOrder | None = None,
        guard: Callable[[Service], None] | None = None,
    ) -> None:
        """Have a service removed, whatever state it is in; asking twice changes nothing. `guard` as in `update`."""
        service = self._checked(unit, id_or_name, order, guard)
        if service.state is not State.REMOVING:
            service = changed_service(service, State.REMOVING, service.swvc)
        service_writes.replace(unit, service, order)

    def cancel(self, unit: UnitOfWork, order_id: str) -> None:
        """Cancel an order."""
        cancel(unit, self._store, order_id)

    def find(self, id_or_name: str, session: Session | None = None) -> Service:
        """The service of that id or name."""
        service = self._store.find(id_or_name, session)
        if service is None:
            hint = nearest(id_or_name, sorted(self._store.names(session)), "Services")
            raise Rejected([Finding(Tag.NOT_FOUND, ("service",), f'There is no service "{id_or_name}"', hint)])
        return service

    def surroundings(
        self, swvc: Swvc, replaces: Service | None = None, resources: Iterable[str] = (), session: Session | None = None
    ) -> Surroundings:
        """What the tenant of an SWVC knows of, and how these resources stand; names are its tenant's."""
        besides, tenant = (replaces.id, replaces.tenant) if replaces else ("", owner())
        inventory = self._views.inventory_of(tenant or current())
        enrolled = self._views.enrolled_of(tenant or current())
        ucpes = [uni.ucpe for uni in (inventory.uni(end_point.uni) for end_point in swvc.end_points) if uni]
        claims = {claimed for ucpe in ucpes for claimed in claimable_on(inventory, ucpe)}
        concerned = {*claims, *resources, *(resource for ucpe in ucpes for resource in enrolled.wans_of(ucpe))}
        held = self._store.held(Wanted(swvc.identifier, tenant, besides, claims, concerned), session)
        names = frozenset({swvc.identifier} if held.name else ())
        return Surroundings(inventory, names, held.claims, held.closed, replaces)

    def _checked(
        self,
        unit: UnitOfWork,
        id_or_name: str,
        order: NewOrder | None,
        guard: Callable[[Service], None] | None,
    ) -> Service:
        """The service that is to be changed, as far as those who ask for it agree with how it stands."""
        service = self.find(id_or_name, unit.session)
        if guard:
            guard(service)
        if order:
            order.check_enrolled(self._store.closed(order.enrolled, unit.session))
        return service
