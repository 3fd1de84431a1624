"""`/orphan`: what is on the network without a service of the API; for the operator."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field

from presto.extensions.problems import declared
from presto.service.core import Core
from presto.web.segments import Written
from presto_api.wire import Wire

OrphanId = Annotated[str, Path(description="The id of the orphan", max_length=64), Written]


class Orphan(Wire):
    """A service that the orchestrator has deployed and the API does not know: its database was lost, or is older."""

    id: str
    name: str
    edges: list[str] = Field(description="The uCPEs on which something of it is, or may be")


def orphans_router(core: Core) -> APIRouter:
    """The operations on orphans."""
    router = APIRouter(tags=["server"])

    @router.get("/orphan", operation_id="listOrphans")
    async def find() -> list[Orphan]:
        """Deployed services without a service of the API, by name."""
        found = (await core.orphans.all()).values()
        shown = [Orphan(id=one.id, name=one.name, edges=sorted(one.states)) for one in found]
        return sorted(shown, key=lambda one: (one.name, one.id))

    @router.delete(
        "/orphan/{orphan_id}", operation_id="removeOrphan", status_code=204, responses=declared(404, 422, 502)
    )
    async def remove(orphan_id: OrphanId) -> Response:
        """Take an orphan off all its uCPEs; answered when nothing of it is left."""
        await core.orphans.remove(orphan_id)
        return Response(status_code=204)

    return router
