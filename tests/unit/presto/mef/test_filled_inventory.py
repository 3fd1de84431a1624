"""What the benchmarks fill a database with is an inventory that the API shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.load import INVENTORY
from benchmarks.presto_fill import fill
from presto.service.core import Core
from tests.unit.presto.conftest import MemoryNetwork, serving


@pytest.mark.asyncio
async def test_a_page_of_services_that_were_filled_in(
    database: Path, new_core: Callable[..., Core], network: MemoryNetwork
) -> None:
    fill(database, 9)
    async with serving(new_core(), network) as client:
        answer = await client.http.get(f"{INVENTORY}/service?limit=100")
    assert answer.status_code == 200, answer.text
    configured = [service for service in answer.json() if "serviceConfiguration" in service]
    assert [service["state"] for service in configured[-12:]] == ["active"] * 12
