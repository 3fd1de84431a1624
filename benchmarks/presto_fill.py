"""Many services quickly, and many orders one after the other."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from pydantic import TypeAdapter
from sqlalchemy import Table, insert

from benchmarks.load import ORDERING, Connection, orders
from benchmarks.measured import Process
from common.database import WRITES
from presto.domain.model import EndPoint, Swvc
from presto.persistence.order_tables import ElementRow, SwvcRow
from presto.persistence.tables import ServiceRow, open_engine

_MOMENTS = {"requestedStartDate": "2026-03-02T08:00:00Z", "requestedCompletionDate": "2026-03-02T08:05:00Z"}
_SWVC = TypeAdapter(Swvc)
_CONCURRENT = 8
_LOOK_EVERY = 0.25
"""Seconds between looks at an order; each costs the server as much as a tenth of an order."""
_GROUP = 1000
_MADE = ("generation", "document")


@dataclass(frozen=True)
class Reading:
    """After so many orders: resident memory (MB), seconds and processor seconds since the start, of all processes."""

    orders: int
    rss: float
    seconds: float
    cpu: float


def fill(database: Path, services: int) -> None:
    """Put services into the inventory of a new database: SWVCs of two end points, as the documented order makes them.

    The rows are those that orders leave behind; only the way through the API is left out, which would take minutes.
    """
    _, body = next(orders())
    requested = [item["service"] for item in json.loads(body)["serviceOrderItem"][2:]]
    engine = open_engine(str(database)).execution_options(**{WRITES: True})
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for first in range(0, services // 3 + 1, _GROUP):
        numbers = range(first, min(first + _GROUP, services // 3 + 1))
        rows = [_rows(number, start + timedelta(seconds=number), requested) for number in numbers]
        with engine.begin() as connection:
            filled = [service for service, _ in rows]
            connection.execute(insert(cast(Table, ServiceRow.__table__)), filled)
            made = [{"service": row["id"], **{name: row[name] for name in _MADE}} for row in filled]
            connection.execute(insert(cast(Table, SwvcRow.__table__)), made)
            elements = [element for _, elements in rows for element in elements]
            connection.execute(insert(cast(Table, ElementRow.__table__)), elements)
    engine.dispose()


def _rows(number: int, moment: datetime, requested: list[Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    service, ends = str(uuid.UUID(int=number + 1, version=4)), ("site-00001", "site-00002")
    swvc = Swvc(f"office-{number}", "multipoint", tuple(EndPoint(end, f"{end}-{number}") for end in ends))
    document = _SWVC.dump_python(swvc, mode="json")
    common = {"service": service, "state": "active", "created": moment, "started": moment, "generation": 1}
    places = (("swvc", swvc.identifier), *(("swvc-end-point", end) for end in ends))
    elements = [
        {
            **common,
            "id": service if kind == "swvc" else str(uuid.uuid4()),
            "kind": kind,
            "identifier": identifier,
            "requested": part,
        }
        for (kind, identifier), part in zip(places, requested, strict=True)
    ]
    working = {end: {"working": True, "error": None} for end in ends}
    stamps = {"created": moment, "changed": moment, "generation": 1, "state": "active"}
    row = {"id": service, "name": swvc.identifier, **stamps, "document": document, "end_points": working}
    return row, elements


async def cycle(url: str, server: Process, count: int, sites: int) -> list[Reading]:
    """Carry out `count` orders, adding and deleting by turns on the same sites; a reading after each fortieth."""
    bodies = list(orders(1, sites))[:_CONCURRENT]
    family = server.family()
    start, cpu = time.monotonic(), sum(process.cpu() for process in family)
    done, readings = 0, list[Reading]()

    def read() -> None:
        now, used = time.monotonic() - start, sum(process.cpu() for process in family)
        readings.append(Reading(done, sum(process.rss() for process in family), now, used - cpu))

    async def work(body: bytes) -> None:
        nonlocal done
        connection = Connection(url)
        while done < count:
            placed = await carried_out(connection, body)
            await carried_out(connection, _deletion(placed["serviceOrderItem"][2]["service"]["id"]))
            done += 2
            if done >= readings[-1].orders + count / 40:
                read()
        await connection.close()

    read()
    await asyncio.gather(*(work(body) for _, body in bodies))
    read()
    return readings


async def carried_out(connection: Connection, body: bytes) -> Any:
    """Place an order and look at it until it has ended. Raises SystemExit when it fails."""
    status, answer = await connection.request("POST", f"{ORDERING}/serviceOrder", body)
    if status != 201:
        raise SystemExit(f"an order was refused: {answer.decode()}")
    order = json.loads(answer)
    while order["state"] in {"acknowledged", "inProgress"}:
        await asyncio.sleep(_LOOK_EVERY)
        order = json.loads((await connection.request("GET", f"{ORDERING}/serviceOrder/{order['id']}"))[1])
    if order["state"] != "completed":
        raise SystemExit(f"an order ended {order['state']}: {order}")
    return order


def _deletion(swvc: str) -> bytes:
    item = {"id": "01", "action": "delete", "service": {"id": swvc}}
    return json.dumps({**_MOMENTS, "serviceOrderItem": [item]}).encode()
