"""Looking at the network: bounded for the asker and for the uCPEs, and honest about what is not known."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orchestrator.model import OrchestratorError, ServiceObservation, UnknownService
from presto.domain.credentials import utc_now
from presto.domain.model import Service, State, Swvc
from presto.service.observation_cache import CONCURRENT, WAITING
from presto.service.observer import Observer

pytestmark = pytest.mark.asyncio


def service(name: str, generation: int = 1) -> Service:
    return Service(name, Swvc(name, "multipoint", ()), State.ACTIVE, generation, utc_now(), utc_now())


class Answers:
    """Answers when `open` is set; `faults` are raised instead, by service."""

    def __init__(self) -> None:
        self.open, self.calls, self.now, self.most = asyncio.Event(), list[str](), 0, 0
        self.open.set()
        self.faults: dict[str, Exception] = {}

    async def observe(self, service_id: str) -> ServiceObservation:
        self.calls.append(service_id)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.open.wait()
            await asyncio.sleep(0)
            if service_id in self.faults:
                raise self.faults[service_id]
            return ServiceObservation(service_id, service_id, 1, ())
        finally:
            self.now -= 1


async def test_a_question_waits_no_longer_than_its_deadline_and_the_look_goes_on() -> None:
    network = Answers()
    network.open.clear()
    observer = Observer(network, deadline=0.02)
    seen = (await observer.observe([service("a")]))["a"]
    assert (seen.moment, seen.problem) == (None, "it did not answer in 0.02 s")
    network.open.set()
    assert (await observer.observe([service("a")]))["a"].moment is not None
    assert network.calls == ["a"], "the second question waited for the look of the first"


async def test_askers_share_a_look_and_its_result_until_the_service_changes() -> None:
    network = Answers()
    observer = Observer(network)
    await asyncio.gather(*(observer.observe([service("a")]) for _ in range(20)))
    await observer.observe([service("a")])
    assert network.calls == ["a"]
    await observer.observe([service("a", generation=2)])
    assert network.calls == ["a", "a"]


async def test_many_services_are_looked_at_a_few_at_a_time() -> None:
    network = Answers()
    observer = Observer(network)
    seen = await observer.observe(service(str(number)) for number in range(WAITING + 5))
    assert network.most == CONCURRENT
    assert [name for name, what in seen.items() if what.problem] == [str(WAITING + number) for number in range(5)]
    assert {what.problem for what in seen.values()} == {None, "too many services to look at"}


FAULTS: list[tuple[Exception, str | None]] = [
    (UnknownService("x"), None),
    (OrchestratorError("the state database cannot be read"), "the state database cannot be read"),
    (ZeroDivisionError("secret"), "internal error (ZeroDivisionError); see the server's log"),
]


@pytest.mark.parametrize(("fault", "problem"), FAULTS)
async def test_a_fault_with_one_service_does_not_hide_the_others(fault: Exception, problem: Any) -> None:
    network = Answers()
    network.faults["a"] = fault
    seen = await Observer(network).observe([service("a"), service("b")])
    assert (seen["a"].problem, seen["b"].problem) == (problem, None)
    assert seen["b"].moment is not None


async def test_stopping_leaves_no_look_behind() -> None:
    network = Answers()
    network.open.clear()
    observer = Observer(network, deadline=0.01)
    await observer.observe([service("a")])
    await observer.stop()
    assert network.now == 0
