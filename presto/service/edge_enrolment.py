"""Taking uCPEs in for orders, and out again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from common.findings import Finding, Rejected, Tag, nearest
from orchestrator.inventory import Inventory, Ucpe
from orchestrator.model import UnknownUcpe
from orchestrator.ucpe.health import UcpeHealth
from presto.domain.check_edges import Enrolment, check_enrolment, check_health
from presto.persistence.edges import Edges, joined, without
from presto.persistence.idempotency import KeyedRequest
from presto.persistence.locked_unis import unlock
from presto.persistence.unit_of_work import UnitOfWork
from presto.persistence.writer import Writer
from presto.service.pipeline import Network
from presto.service.unis import Unis
from presto.service.views import Views

_ENDPOINTS = frozenset({"docker", "ovsdb", "openflow", "tls"})


class EdgeEnrolment:
    """The uCPEs of the inventory; `use` is told each new inventory."""

    def __init__(
        self,
        views: Views,
        unis: Unis,
        edges: Edges,
        network: Network,
        writer: Writer,
        use: Callable[[Inventory], None],
    ) -> None:
        self._views, self._unis, self._edges, self._network, self._writer = views, unis, edges, network, writer
        self._use = use
        self._one_at_a_time = asyncio.Lock()

    def find(self, edge_id: str) -> Ucpe:
        """The uCPE of that id. Raises Rejected when there is none."""
        inventory = self._views.inventory
        with suppress(UnknownUcpe):
            return inventory.ucpe(edge_id)
        hint = nearest(edge_id, (ucpe.id for ucpe in inventory.ucpes), "Edges")
        raise Rejected([Finding(Tag.NOT_FOUND, ("edge",), f'There is no edge "{edge_id[:64]}"', hint)])

    async def health(self, edge_id: str) -> UcpeHealth:
        """Ask the three endpoints of a uCPE. Raises Rejected when there is none of that id."""
        return await self._network.health(self.find(edge_id))

    async def enrol(self, wanted: Enrolment, request: KeyedRequest | None = None) -> Ucpe:
        """Take a uCPE in for orders, once it was really reached. Raises Rejected with everything that is wrong."""
        async with self._one_at_a_time:
            found = list(check_enrolment(wanted, self._views.whole))
            reachable = await asyncio.to_thread(self._edges.with_tls_files, wanted)
            try:
                # Only what may be asked is asked, even when it is refused anyway.
                if not any(finding.path[0] in _ENDPOINTS for finding in found):
                    found += check_health(wanted, await self._network.health(reachable.ucpe))
                if found:
                    raise Rejected(found)
                await self._writer.run_async(partial(self._edges.save, enrolment=wanted), request)
            except BaseException:
                self._edges.remove_tls_files(reachable.ucpe)
                raise
            self._use(joined(self._views.whole, [reachable]))
        return reachable.ucpe

    async def withdraw(self, edge_id: str, request: KeyedRequest | None = None) -> None:
        """Forget an enrolled uCPE. Raises Rejected when there is none, or when a service uses it."""
        async with self._one_at_a_time:
            before = self._views.whole
            try:
                ucpe = await self._writer.run_async(partial(self._withdraw, edge_id=edge_id), request)
            except BaseException:
                self._use(before)
                raise
            self._edges.remove_tls_files(ucpe)

    def _withdraw(self, unit: UnitOfWork, edge_id: str) -> Ucpe:
        """In one change with the checks, after which no order can use it any more."""
        ucpe, unis = self.find(edge_id), self._views.whole.unis_on(edge_id)
        users = {state.service for state in self._unis.states(unis, unit.session) if state.service}
        users |= set(self._network.carried(edge_id))
        if users:
            message = f"Edge {edge_id} carries service {', '.join(sorted(users))}"
            raise Rejected([Finding(Tag.IN_USE, ("edge",), message, "Delete the service first.")])
        if not self._edges.forget(unit, ucpe):
            hint = "Take it out there, and start the server anew."
            raise Rejected([Finding(Tag.IN_USE, ("edge",), f"Edge {edge_id} stands in the inventory file", hint)])
        for uni in unis:
            unlock(unit, uni.id)
        self._use(without(self._views.whole, ucpe))
        return ucpe
