"""Which gateways are polled until the tunnels of a service are up, and what a fault on the way costs."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.model import DeploymentObservation

pytestmark = pytest.mark.asyncio

CREATE = "create-connectivity-service"
Pairs = Callable[[dict[str, Any]], dict[str, str]]


async def test_a_gateway_that_has_all_its_tunnels_is_left_alone(
    client: Any, order: dict[str, Any], pairs: Pairs
) -> None:
    network, third = client.network, copy.deepcopy(order["end-point"][1])
    third["service-interface-point"]["service-interface-point-uuid"] = "00000003-0000-4000-8000-000000000000"
    third["local-id"] = "c"
    third["swvc-endpoint-attributes"]["endpoint-identifier"] = "c"
    order["end-point"].append(third)
    order["connectivity-constraint"] = {"service-type": "MULTIPOINT_CONNECTIVITY"}
    network.unreachable.add("site-c")
    assert (await client.call(CREATE, order)).status_code == 200
    async with asyncio.timeout(10):
        while network.gateways.count("site-c") < 3:
            await asyncio.sleep(0.01)
    assert [network.gateways.count(ucpe) for ucpe in ("site-a", "site-b")] == [1, 1]
    reason = "site-c: docker: no answer in time"
    missing = f"2 of 3 tunnels not standing: a--c ({reason}); b--c ({reason})"
    assert pairs(await client.service("acme"))["lso-missing"] == missing
    network.unreachable.clear()
    assert (await client.until("acme", "active"))["operational-state"] == "ENABLED"


async def test_a_fault_of_ours_at_one_gateway_leaves_the_others(
    client: Any, order: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, look = [], client.network.gateway

    async def gateway(service_id: str, ucpe: str) -> DeploymentObservation:
        asked.append(ucpe)
        if asked == [ucpe]:
            raise RuntimeError("a fault of ours")
        found: DeploymentObservation = await look(service_id, ucpe)
        return found

    monkeypatch.setattr(client.network, "gateway", gateway)
    await client.call(CREATE, order)
    assert (await client.until("acme", "active"))["operational-state"] == "ENABLED"
    assert len(asked) == 3
