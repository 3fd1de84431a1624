"""Metrics: what is there, by state, and what has happened."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families


async def metrics(face: Any) -> dict[str, float]:
    """Sample → value; a sample is its name with the values of its labels."""
    answer = await face.http.get("/presto-sdwan/v1/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    return {" ".join((one.name, *one.labels.values())): one.value for family in families for one in family.samples}


@pytest.mark.asyncio
async def test_what_is_there_is_counted(client: Any, face: Any, network: Any, order: dict[str, Any]) -> None:
    before = await metrics(face)
    assert (before["presto_services active"], before["presto_edges"], before["presto_queue_length"]) == (0, 4, 0)
    network.gate.clear()
    await client.call("create-connectivity-service", order)
    await network.asked(1)
    busy = await metrics(face)
    assert (busy["presto_services deploying"], busy["presto_queue_length"]) == (1, 1)
    network.gate.set()
    await client.until("acme", "active")
    after = await metrics(face)
    assert (after["presto_services active"], after["presto_tunnels up"]) == (1, 1)
    ends = [f"{edge} {service} a--b" for service in network.deployed for edge in ("site-a", "site-b")]
    assert [after[f"presto_tunnel_loss_ratio {end}"] for end in ends] == [0, 0]
    assert [after[f"presto_tunnel_round_trip_seconds {end}"] for end in ends] == [0.012, 0.012]
    assert after["presto_work_seconds_count"] == 1
    assert after["presto_requests_total restconf POST 200"] >= 2
    assert after["presto_requests_total extensions GET 200"] == 2
    assert after["presto_request_seconds_count restconf"] >= 2
    assert "presto_notification_lag_events" in after


@pytest.mark.asyncio
async def test_names_of_a_client_are_no_labels(face: Any) -> None:
    await face.http.request("BREW", "/coffee")
    found = await metrics(face)
    assert found["presto_requests_total none other 404"] == 1
