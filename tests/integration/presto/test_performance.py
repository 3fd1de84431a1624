"""Delay and loss of a tunnel, as its gateways measure them, follow what the underlay does to packets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from presto.web.server import BackgroundServer, build_app
from presto_client import Client, Options
from testbed.lab import Lab
from testbed.spec.model import Impairment

ONE_WAY_MS = 20.0


@pytest.fixture
def url(lab: Lab, tmp_path: Path, order: dict[str, Any], until: Callable[..., Any]) -> Iterator[str]:
    """A server whose service `acme` is ordered, and removed in the end."""
    with BackgroundServer(build_app(lab.inventory, str(tmp_path / "presto.db"))) as server:
        placed = httpx.post(f"{server.url}/restconf/operations/create-connectivity-service", json={"input": order})
        assert placed.status_code == 200, placed.text
        yield server.url
        service = f"{server.url}/presto-sdwan/v1/service/acme"
        httpx.delete(service, headers={"If-Match": "*"})
        until(lambda: httpx.get(service).status_code == 404)


@pytest.fixture
def presto(url: str, until: Callable[..., Any]) -> Iterator[Client]:
    """A client, once the tunnel of `acme` is up."""
    with Client(Options(url=url)) as client:
        until(lambda: [tunnel.state for tunnel in client.extensions.tunnels("acme", 0)] == ["up"])
        yield client


@pytest.fixture
def impair(lab: Lab) -> Iterator[Callable[[Impairment], None]]:
    """Impairs every packet once on its way to either site."""

    def apply(impairment: Impairment) -> None:
        impairer = lab.impairer("internet")
        for port in lab.underlays["internet"].ports.values():
            impairer.apply(port, impairment)

    yield apply
    apply(Impairment())


def answered(presto: Client, echoes: int) -> list[Any]:
    """Both ends; other numbers of echoes are other questions, so that nothing is remembered."""
    deadline = time.monotonic() + 60
    while True:
        (tunnel,) = presto.extensions.tunnels("acme", echoes)
        # On a busy machine the answer may come after its time; the next question has it.
        if not any(end.not_measured == "it did not answer in 3 s" for end in tunnel.ends):
            return list(tunnel.ends)
        assert time.monotonic() < deadline, tunnel.ends


def measured(presto: Client, echoes: int) -> list[Any]:
    """What both ends measured."""
    ends = answered(presto, echoes)
    assert all(end.performance for end in ends), ends
    return [end.performance for end in ends]


def undisturbed(presto: Client, echoes: int, below_ms: float) -> list[Any] | None:
    """What was measured, None where a busy machine has added to the shortest round trip."""
    found = measured(presto, echoes)
    return found if all(one.round_trip_delay_ms.minimum < below_ms for one in found) else None


def losses(url: str) -> set[tuple[str, str, float]]:
    families = text_string_to_metric_families(httpx.get(f"{url}/presto-sdwan/v1/metrics", timeout=30).text)
    samples = [one for family in families for one in family.samples if "edge" in one.labels]
    return {(one.name, one.labels["edge"], one.value) for one in samples}


def test_delay_and_loss_follow_the_underlay(
    url: str, presto: Client, impair: Callable[[Impairment], None], until: Callable[..., Any]
) -> None:
    numbers = count(14)
    for quick in until(lambda: undisturbed(presto, next(numbers), ONE_WAY_MS)):
        assert quick.echoes_sent == quick.echoes_received >= 14
        assert quick.packet_loss_percent == 0

    impair(Impairment(delay_ms=ONE_WAY_MS))
    slower = until(lambda: undisturbed(presto, next(numbers), 2 * ONE_WAY_MS + 15))
    for slow, before in zip(slower, measured(presto, 5), strict=True):
        assert slow.packet_loss_percent == 0
        # The engines delay by a little less now and then.
        assert slow.round_trip_delay_ms.minimum >= 2 * ONE_WAY_MS - 2, slow
        assert before.measured_at.tzinfo is not None
        assert slow.round_trip_delay_ms.minimum <= slow.round_trip_delay_ms.mean <= slow.round_trip_delay_ms.maximum

    impair(Impairment(loss_percent=30))
    answers = [one for echoes in (48, 49, 50) for one in measured(presto, echoes)]
    sent, received = sum(one.echoes_sent for one in answers), sum(one.echoes_received for one in answers)
    assert sent == 294
    # There and back with 30 % each is 51 %; six standard deviations of 294 trials are 17 %.
    assert 0.34 < 1 - received / sent < 0.68

    impair(Impairment(loss_percent=100))
    for dead in measured(presto, 12):
        assert (dead.echoes_received, dead.packet_loss_percent, dead.round_trip_delay_ms) == (0, 100, None)
    whole = {("presto_tunnel_loss_ratio", f"site-{name}", 1.0) for name in "ab"}
    until(lambda: losses(url) == whole)  # what answers too late is left out

    impair(Impairment())
    assert [one.packet_loss_percent for one in measured(presto, 13)] == [0, 0]


def test_a_gateway_that_does_not_run_measures_nothing(presto: Client, end_for_good: Callable[[str, str], None]) -> None:
    service = presto.connectivity.service("acme")
    gateway = f"{service.uuid[:8]}-ipsec"
    end_for_good("site-b", gateway)
    near, far = answered(presto, 7)
    assert near.performance is not None
    assert (near.performance.packet_loss_percent, near.performance.round_trip_delay_ms) == (100, None)
    assert (far.performance, far.not_measured) == (None, "site-b: the container of its IPsec gateway is exited")
