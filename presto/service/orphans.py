"""What the orchestrator has on the network and no service of the API stands for: its own database outlived the API's.

Services are stored before they are deployed and forgotten after they were removed, so there is none as long as both
databases belong together.
"""

from __future__ import annotations

from collections.abc import Mapping

from common.findings import Finding, Rejected, Tag, nearest
from orchestrator.model import OrchestratorError, UnknownService
from orchestrator.store import StoredService
from presto.persistence.store import Store
from presto.service.background import in_thread
from presto.service.pipeline import Network


class Orphans:
    """Finds them and takes them off the network."""

    def __init__(self, store: Store, network: Network) -> None:
        self._store, self._network = store, network

    @in_thread
    def all(self) -> Mapping[str, StoredService]:
        """The orphans by their ids."""
        # What comes while this is read is there afterwards, and what goes was there before.
        before = set(self._store.ids())
        deployed = {service.id: service for service in self._network.services()}
        known = before | set(self._store.ids())
        return {service: deployed[service] for service in deployed.keys() - known}

    async def remove(self, orphan: str) -> None:
        """Take one off all its uCPEs. Raises Rejected when there is none of that id, or something of it is left."""
        found = await self.all()
        if orphan not in found:
            hint = nearest(orphan, found, "Orphans")
            raise Rejected([Finding(Tag.NOT_FOUND, ("orphan",), f'There is no orphan "{orphan[:64]}"', hint)])
        try:
            outcome = await self._network.remove(orphan)
        except UnknownService:
            return
        except OrchestratorError as error:
            raise Rejected([_left(str(error))]) from None
        if not outcome.succeeded:
            faults = [end.error for end in outcome.deployments if end.error]
            raise Rejected([_left(fault) for fault in faults or [f"the removal ended {outcome.result.value}"]])


def _left(reason: str) -> Finding:
    return Finding(Tag.OPERATION_FAILED, ("orphan",), reason, "Have the uCPE answer, and remove it again.")
