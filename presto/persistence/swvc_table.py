"""SWVCs that elements of the inventory are parts of: one row for each change, whatever the number of the parts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

from sqlalchemy import JSON, Connection, String, Table, bindparam, delete, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from presto.persistence.order_tables import ElementRow
from presto.persistence.prepared import Prepared
from presto.persistence.tables import Base


class SwvcRow(Base):
    """The document of an SWVC as a change made it; it stays as long as an element was last part of that."""

    __tablename__ = "presto_swvcs"

    service: Mapped[str] = mapped_column(String(36), primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document: Mapped[Any] = mapped_column(JSON)


_SWVCS, _ELEMENTS = cast(Table, SwvcRow.__table__), cast(Table, ElementRow.__table__)
NEW_SWVC = Prepared(insert(_SWVCS))
_USED = select(_ELEMENTS.c.generation).where(_ELEMENTS.c.service == bindparam("its_service"))
_DROP = delete(_SWVCS).where(_SWVCS.c.service == bindparam("its_service"), _SWVCS.c.generation.not_in(_USED))


def drop_unused(connection: Connection, service: str) -> None:
    """Forget the documents of a service that no element is part of any more."""
    connection.execute(_DROP, {"its_service": service})


def documents(connection: Connection, changes: Collection[tuple[str, int]]) -> Mapping[tuple[str, int], Any]:
    """The SWVCs that these changes made, by the id of the service and the number of the change; each is read once."""
    services, generations = ({change[part] for change in changes} for part in (0, 1))
    query = select(_SWVCS).where(_SWVCS.c.service.in_(services), _SWVCS.c.generation.in_(generations))
    return {(row.service, row.generation): row.document for row in connection.execute(query)}
