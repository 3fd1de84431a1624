"""`GET /versions`: which interfaces this server has, by which published files, and where."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter
from pydantic import Field

from presto.mef.addresses import BASES
from presto.service.core import Core
from presto_api.wire import Wire


class Face(Wire):
    """One interface over the common services."""

    name: str = Field(examples=["serviceOrdering"])
    base_path: str = Field(examples=["/mefApi/legato/serviceOrderingManagement/v6"])
    published_as: str = Field(description="The file that it follows, and that file's own version")


class Versions(Wire):
    """What the server is and has."""

    server: str = Field(description="The test-bed's own version", examples=["0.1.0"])
    faces: list[Face]


_FACES = (
    Face(name="restconf", base_path="/restconf", published_as="presto-sdwan.yaml 1.0.0-SNAPSHOT"),
    Face(
        name="serviceOrdering",
        base_path=f"/mefApi{BASES['ordering']}",
        published_as="serviceOrderingManagement.api.yaml 6.0.1 (Mplify 99.1)",
    ),
    Face(
        name="serviceInventory",
        base_path=f"/mefApi{BASES['inventory']}",
        published_as="serviceInventoryManagement.api.yaml 7.0.2 (Mplify 135.1)",
    ),
    Face(name="extensions", base_path="/presto-sdwan/v1", published_as="our own, /presto-sdwan/v1/openapi.json"),
)


def versions_router(_core: Core) -> APIRouter:
    """The operations on the server itself."""
    router = APIRouter(tags=["server"])

    @router.get("/versions", operation_id="getVersions")
    async def get() -> Versions:
        """The interfaces of this server and the published files that they follow."""
        return Versions(server=version("lso-testbed"), faces=list(_FACES))

    return router
