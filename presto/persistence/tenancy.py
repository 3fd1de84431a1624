"""Whose rows are seen: every query of an owned table is limited to the tenant that is being served.

The tenant stands in a context variable, set for a request by the guard that knows who asks. The limit is put on each
statement as it leaves the session, so no query of an API can forget it. Nobody in particular, `None`, sees everything:
the operator, and work in the background, which starts with a context of its own (`detached`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context, ContextVar
from dataclasses import dataclass, field

from sqlalchemy import String, event
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, mapped_column, with_loader_criteria

from orchestrator.inventory import Inventory, Uni

NOBODY = ""
"""The owner of what a client without a tenant made; it is no tenant's."""

ALL_TENANTS = "presto_all_tenants"
"""Execution option of the few statements that must see what others own, and tell nothing of it."""

ANOTHER = "(of another tenant)"
"""What a tenant learns of a service that holds something it could use, and is not its own."""

_tenant: ContextVar[str | None] = ContextVar("presto_tenant", default=None)


class Owned:
    """A table whose rows belong to a tenant."""

    tenant: Mapped[str] = mapped_column(String(64), default=NOBODY, server_default=NOBODY, index=True)


def current() -> str | None:
    """The tenant that is being served; None: everything may be seen."""
    return _tenant.get()


def owner() -> str:
    """Who owns what is made now."""
    return _tenant.get() or NOBODY


@contextmanager
def acting_for(tenant: str | None) -> Iterator[None]:
    """What is asked inside is asked for that tenant."""
    token = _tenant.set(tenant)
    try:
        yield
    finally:
        _tenant.reset(token)


def detached() -> Context:
    """A context for work in the background, which serves nobody in particular."""
    return Context()


def may_hear(listener: str, subject: str) -> bool:
    """Whether a listener that `listener` owns hears of something that `subject` owns."""
    return listener in {NOBODY, subject}


@event.listens_for(Session, "do_orm_execute")
def _limit(state: ORMExecuteState) -> None:
    tenant = _tenant.get()
    if tenant is None or state.execution_options.get(ALL_TENANTS) or state.is_column_load or state.is_relationship_load:
        return
    mine = with_loader_criteria(Owned, lambda table: table.tenant == tenant, include_aliases=True)
    state.statement = state.statement.options(mine)


@dataclass(frozen=True)
class Assignments:
    """Which UNIs belong to which tenant, by the UNI's id; all others are there for every tenant."""

    tenants: Mapping[str, str] = field(default_factory=dict)

    def visible(self, inventory: Inventory, tenant: str | None) -> Inventory:
        """The inventory as a tenant knows it: its own and the common UNIs, and uCPEs that are not others' alone."""
        if tenant is None or not self.tenants:
            return inventory
        unis = tuple(uni for uni in inventory.unis if self._sees(tenant, uni))
        hidden = {uni.ucpe for uni in inventory.unis} - {uni.ucpe for uni in unis}
        ucpes = tuple(ucpe for ucpe in inventory.ucpes if ucpe.id not in hidden)
        return inventory.model_copy(update={"ucpes": ucpes, "unis": unis})

    def owns(self, tenant: str | None, resource: str) -> bool:
        """Whether what has this id is the tenant's alone, so that it may lock it; the operator may lock all."""
        return tenant is None or self.tenants.get(resource) == tenant

    def _sees(self, tenant: str, uni: Uni) -> bool:
        return self.tenants.get(uni.id, tenant) == tenant
