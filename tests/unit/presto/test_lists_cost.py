"""Lists ask the database the same number of times whatever the number of services, and reads hold up no work."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

pytestmark = pytest.mark.asyncio

MEF, OWN = "/mefApi/legato/serviceInventory/v7/service", "/presto-sdwan/v1/service"


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def asked_for(client: Any, url: str) -> int:
    with statements(client.core.engine) as asked:
        answer = await client.http.get(url)
    assert answer.status_code == 200, answer.text
    return len(asked)


@pytest.mark.parametrize(("face", "more"), [(MEF, 2), (OWN, 0)])  # the first service of MEF's is an enrolled one
async def test_a_list_is_read_in_as_many_statements_as_one_service(
    client: Any, order: Any, face: str, more: int
) -> None:
    await client.call("create-connectivity-service", order)
    await client.until("acme", "active")
    order["swvc-service-attributes"]["swvc-identifier"] = "other"
    for end, site in zip(order["end-point"], ("c", "d"), strict=True):
        end["service-interface-point"] = {"service-interface-point-uuid": f"site-{site}-lan0"}
        end["swvc-endpoint-attributes"] = {"endpoint-identifier": site}
    answer = await client.call("create-connectivity-service", order)
    assert answer.status_code == 200, answer.text
    await client.until("other", "active")
    one = await asked_for(client, f"{face}?limit=1")
    assert await asked_for(client, f"{face}?limit=100") <= one + more  # SWVCs and their items, once for all


async def test_work_does_not_wait_for_the_threads_of_reads(client: Any, order: Any) -> None:
    released, hold = threading.Event(), 30
    loop = asyncio.get_running_loop()
    reads = [loop.run_in_executor(None, released.wait, hold) for _ in range(100)]
    start = time.monotonic()
    try:
        await client.call("create-connectivity-service", order)
        await client.network.asked(1)
    finally:
        released.set()
        await asyncio.gather(*reads)
    assert time.monotonic() - start < hold
    await client.until("acme", "active")
