"""Services as rows: from a service to the columns of its table, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from common.json_text import Document
from presto.domain.model import EndPointState, Service, State, Swvc
from presto.domain.wan_ports import claims_of
from presto.persistence.tables import NewService, ServiceRow, utc

_SWVC = TypeAdapter(Swvc)
_END_POINTS: TypeAdapter[Mapping[str, EndPointState]] = TypeAdapter(dict[str, EndPointState])


def row_of(service: Service) -> NewService:
    """The columns of a service."""
    return NewService(
        id=service.id,
        tenant=service.tenant,
        name=service.swvc.identifier,
        state=service.state,
        generation=service.generation,
        created=service.created,
        changed=service.changed,
        error=service.error,
        document=Document(_SWVC.dump_python(service.swvc, mode="json")),
        end_points=end_points_of(service),
    )


def end_points_of(service: Service) -> Any:
    """How the last work ended at each end point, as a document."""
    return _END_POINTS.dump_python(service.end_points, mode="json")


def claims_rows(service: Service) -> list[dict[str, str]]:
    """The UNIs and WAN ports that a service claims, as rows."""
    return [{"uni": claimed, "service": service.id} for claimed in claims_of(service.swvc)]


def swvc_of(document: Any) -> Swvc:
    """The SWVC that a document holds."""
    return _SWVC.validate_python(document)


def service_of(row: ServiceRow) -> Service:
    """The service that a row holds."""
    return Service(
        id=row.id,
        swvc=replace(swvc_of(row.document), identifier=row.name),
        state=State(row.state),
        generation=row.generation,
        created=utc(row.created),
        changed=utc(row.changed),
        error=row.error,
        end_points=_END_POINTS.validate_python(row.end_points),
        tenant=row.tenant,
    )
