"""Services from before a uCPE could carry several: each has the first port to its underlay."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table, insert, select, update

from orchestrator.inventory import Inventory
from presto.domain.enrolled import ucs_uni_id
from presto.domain.model import Swvc
from presto.domain.underlays import carrier
from presto.domain.wan_ports import chosen_ports
from presto.persistence.service_rows import swvc_of
from presto.persistence.tables import ClaimRow, ServiceRow
from presto.persistence.unit_of_work import UnitOfWork
from presto.persistence.writer import Writer

_SERVICES, _CLAIMS = (cast(Table, row.__table__) for row in (ServiceRow, ClaimRow))
_OLD = select(_SERVICES.c.id, _SERVICES.c.document).where(_SERVICES.c.document["wan_ports"].as_string().is_(None))


def adopt_ports(writer: Writer, inventory: Inventory) -> None:
    """Write down the ports of services that were stored without; what the inventory has no more is left as it is."""

    def change(unit: UnitOfWork) -> None:
        connection = unit.connection
        for service, document in connection.execute(_OLD).all():
            ports = _ports(swvc_of(document), inventory)
            changed = update(_SERVICES).where(_SERVICES.c.id == service)
            connection.execute(changed.values(document={**document, "wan_ports": ports}))
            claims = [{"uni": ucs_uni_id(ucpe, port), "service": service} for ucpe, port in ports.items()]
            if claims:
                connection.execute(insert(_CLAIMS), claims)

    writer.run(change)


def _ports(swvc: Swvc, inventory: Inventory) -> dict[str, str]:
    unis = [uni for uni in (inventory.uni(end_point.uni) for end_point in swvc.end_points) if uni]
    ucpes = [uni.ucpe for uni in unis]
    over = carrier(swvc, inventory, ucpes)
    return chosen_ports({}, inventory, ucpes, over) if over else {}
