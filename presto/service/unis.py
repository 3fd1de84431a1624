"""UNIs: how they stand, and locking them for orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from common.findings import Finding, Rejected, Tag, nearest
from orchestrator.inventory import Uni
from presto.persistence.locked_unis import lock, unlock
from presto.persistence.store import Store
from presto.persistence.tenancy import NOBODY, current
from presto.persistence.unit_of_work import UnitOfWork
from presto.service.views import Views


@dataclass(frozen=True)
class UniState:
    """A UNI, whether it is locked, for good or not, and the service that uses it, if any."""

    uni: Uni
    locked: bool
    service: str | None
    terminated: bool = False


class Unis:
    """The UNIs that the tenant which is being served knows of."""

    def __init__(self, views: Views, store: Store) -> None:
        self._views, self._store = views, store

    def states(self, unis: Sequence[Uni] | None = None, session: Session | None = None) -> tuple[UniState, ...]:
        """How UNIs stand, all by default."""
        all_unis = self._views.inventory.unis
        wanted = all_unis if unis is None else unis
        among = {uni.id for uni in wanted} if len(wanted) < len(all_unis) else None
        locked = self._store.locked_unis(among=among, within=session)
        claims = self._store.claims(among=among, within=session)
        return tuple(UniState(uni, uni.id in locked, claims.get(uni.id), locked.get(uni.id, False)) for uni in wanted)

    def find(self, id_or_name: str, session: Session | None = None) -> UniState:
        """The UNI of that id or name. Raises Rejected when there is none."""
        found = self._views.inventory.uni(id_or_name)
        if found:
            return self.states([found], session)[0]
        hint = nearest(id_or_name, (uni.name for uni in self._views.inventory.unis), "UNIs")
        raise Rejected([Finding(Tag.NOT_FOUND, ("uni",), f'There is no UNI "{id_or_name}"', hint)])

    def lock(self, unit: UnitOfWork, id_or_name: str, *, locked: bool) -> None:
        """Lock or unlock a UNI for orders. Raises Rejected when there is none, or when a service uses it."""
        state = self.find(id_or_name, unit.session)
        assignments, uni = self._views.assignments, state.uni
        if not assignments.owns(current(), uni.id):
            message = f"UNI {uni.name} is there for every tenant"
            raise Rejected([Finding(Tag.ACCESS_DENIED, ("uni",), message, "Ask the operator to lock it.")])
        if locked and state.service:
            message = f'UNI {uni.name} belongs to service "{state.service}"'
            raise Rejected([Finding(Tag.IN_USE, ("uni",), message, "Delete the service first.")])
        if state.terminated and not locked:
            message = f"UNI {uni.name} is terminated"
            raise Rejected([Finding(Tag.IN_USE, ("uni",), message, "Enrol it anew, under another name.")])
        if locked and not state.locked:
            lock(unit, uni.id, assignments.tenants.get(uni.id, NOBODY))
        elif not locked:
            unlock(unit, uni.id)
