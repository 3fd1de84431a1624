"""The figures of round trips, and who is asked to measure what, how often."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from orchestrator.inventory import Inventory
from orchestrator.model import SiteMeasurement, UnknownService
from presto.domain.credentials import utc_now
from presto.domain.model import EndPoint, Service, State, Swvc
from presto.service.performance import Measurements, Performance, Prober, performance

Figures = tuple[int, int, float, float | None, float | None, float | None, float | None]
CASES: list[tuple[str, Sequence[float | None], Figures]] = [
    ("all came back", [10.0, 12.0, 11.0, 11.0], (4, 4, 0.0, 10.0, 11.0, 12.0, 1.0)),
    ("one alone has no variation", [10.0], (1, 1, 0.0, 10.0, 10.0, 10.0, None)),
    ("some were lost", [10.0, None, 20.0, 21.0], (4, 3, 25.0, 10.0, 17.0, 21.0, 1.0)),
    ("none of two that follow each other", [10.0, None, 20.0, None], (4, 2, 50.0, 10.0, 15.0, 20.0, None)),
    ("all were lost", [None, None], (2, 0, 100.0, None, None, None, None)),
]


@pytest.mark.parametrize(("times", "figures"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_figures(times: Sequence[float | None], figures: Figures) -> None:
    found = performance(times, utc_now())
    delays = (found.minimum, found.mean, found.maximum, found.variation)
    assert (found.sent, found.received, found.loss, *delays) == pytest.approx(figures)


MEASURED = Measurements(utc_now(), {"a": SiteMeasurement("a", {"b": (1.0,)}), "c": SiteMeasurement("c", problem="off")})
NOTHING: list[tuple[Measurements, str, str, str]] = [
    (MEASURED, "a", "d", "a: its gateway measured nothing to d"),
    (MEASURED, "b", "a", "b: nothing is deployed"),
    (MEASURED, "c", "a", "off"),
    (Measurements(problem="it did not answer in 3 s"), "a", "b", "it did not answer in 3 s"),
    (Measurements(), "a", "b", "it was not measured"),
]


@pytest.mark.parametrize(("measurements", "own", "peer", "reason"), NOTHING)
def test_why_there_is_no_figure(measurements: Measurements, own: str, peer: str, reason: str) -> None:
    assert measurements.of(own, peer) == reason
    assert isinstance(MEASURED.of("a", "b"), Performance)


class Gateways:
    """Notes what it is asked; nothing of the service `gone` is deployed."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Mapping[str, Mapping[str, str]], int]] = []

    async def measure(
        self, service_id: str, targets: Mapping[str, Mapping[str, str]], echoes: int
    ) -> tuple[SiteMeasurement, ...]:
        self.asked.append((service_id, targets, echoes))
        await asyncio.sleep(0)
        if service_id == "gone":
            raise UnknownService(service_id)
        return tuple(SiteMeasurement(own, dict.fromkeys(peers, (1.0,) * echoes)) for own, peers in targets.items())


def service(name: str, generation: int = 1) -> Service:
    ends = (EndPoint("a", "site-a-lan0", role="root"), EndPoint("b", "site-b-lan0", role="leaf"))
    swvc = Swvc(name, "rooted-multipoint", (*ends, EndPoint("c", "site-c-lan0", role="leaf")))
    return Service(name, swvc, State.ACTIVE, generation, utc_now(), utc_now())


@pytest.mark.asyncio
async def test_each_gateway_measures_to_those_that_it_has_tunnels_with(inventory: Inventory) -> None:
    gateways = Gateways()
    found = await Prober(gateways).measure([service("acme")], inventory, 3)
    to_root = {"site-a": "10.1.0.1"}
    targets = {"site-a": {"site-b": "10.2.0.1", "site-c": "10.3.0.1"}, "site-b": to_root, "site-c": to_root}
    assert gateways.asked == [("acme", targets, 3)]
    assert isinstance(figure := found["acme"].of("site-c", "site-a"), Performance)
    assert (figure.sent, figure.received) == (3, 3)


@pytest.mark.asyncio
async def test_who_asks_the_same_within_a_moment_shares_the_answer(inventory: Inventory) -> None:
    gateways = Gateways()
    prober = Prober(gateways)
    await asyncio.gather(*(prober.measure([service("acme")], inventory, 3) for _ in range(20)))
    assert len(gateways.asked) == 1
    await prober.measure([service("acme")], inventory, 4)
    await prober.measure([service("acme", generation=2)], inventory, 4)
    assert [asked[2] for asked in gateways.asked] == [3, 4, 4]
    gone = (await prober.measure([service("gone")], inventory, 3))["gone"]
    assert gone.of("site-a", "site-b") == "site-a: nothing is deployed"
