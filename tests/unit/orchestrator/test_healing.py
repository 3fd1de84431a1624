"""What ends on a uCPE comes back by itself, and nothing that is being changed or gone is touched; uCPEs in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from orchestrator import healing
from orchestrator.healing import LOST, SOUND
from orchestrator.inventory import Ucpe
from orchestrator.model import DeploymentRequest, Result, ServiceEvent, ServiceRequest, UcpeUnreachable
from orchestrator.plan import service_prefix
from orchestrator.service import Orchestrator
from orchestrator.southbound.memory import MemorySouthbound
from orchestrator.southbound.memory_inventory import memory_inventory
from orchestrator.store import Store
from orchestrator.ucpe.execute import Record

SERVICE, SITE, OTHER = "11111111-2222-3333-4444-555555555555", "site-00001", "site-00002"
INVENTORY = memory_inventory(2)
FIREWALL = f"{service_prefix(SERVICE)}-firewall"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(healing, "SETTLE", 0.01)


class Bed:
    """An orchestrator over uCPEs in memory, and what it has told while it healed."""

    def __init__(self, url: str, inputs: dict[str, Any]) -> None:
        self.url, self.inputs = url, inputs
        self.driver = MemorySouthbound(INVENTORY)
        self.lost_streams = 0
        self.told: list[ServiceEvent] = []
        self.orchestrator = self.another()

    def another(self) -> Orchestrator:
        return Orchestrator(INVENTORY, self.url, connect=self.driver.connect, ended=self.ended)

    @asynccontextmanager
    async def ended(self, ucpe: Ucpe) -> AsyncIterator[AsyncIterator[str]]:
        if self.lost_streams:
            self.lost_streams -= 1
            raise UcpeUnreachable(ucpe.id, "docker", "the engine does not answer")
        async with self.driver.ended(ucpe) as services:
            yield services

    def request(self, *sites: str) -> ServiceRequest:
        ends = tuple(DeploymentRequest(site, "poc-site", self.inputs) for site in sites)
        return ServiceRequest(SERVICE, "acme", ends)

    def state(self, site: str = SITE) -> str | None:
        vnf = self.driver.state(site).vnfs.get(FIREWALL)
        return vnf.entry.state if vnf else None

    def kill(self, site: str = SITE) -> None:
        self.driver.kill(site, FIREWALL)

    @asynccontextmanager
    async def healing(self) -> AsyncIterator[None]:
        before = asyncio.all_tasks()
        task = asyncio.create_task(self.orchestrator.heal(self.told.append))
        try:
            yield
        finally:
            assert not task.done(), task
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            assert asyncio.all_tasks() == before, "what heals has left tasks behind"

    def stages(self) -> list[str]:
        return [event.stage for event in self.told if event.stage in {LOST, SOUND}]


@pytest.fixture
def bed(tmp_path: Path, site_inputs: Any) -> Bed:
    return Bed(f"sqlite:///{tmp_path}/state.db", site_inputs())


async def until(check: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not check():
            await asyncio.sleep(0.005)


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(work())


def test_a_killed_vnf_comes_back_with_its_intent_again_and_again(bed: Bed) -> None:
    async def main() -> None:
        async with bed.healing():
            await bed.orchestrator.deploy(bed.request(SITE))
            await until(lambda: bed.stages() == [SOUND])
            digest = bed.driver.state(SITE).vnfs[FIREWALL].intent_sha256
            for times in range(1, 5):
                bed.kill()
                await until(
                    lambda: bed.state() == "running" and bed.orchestrator.services()[0].states[SITE] != "healing"
                )
                assert bed.driver.state(SITE).vnfs[FIREWALL].intent_sha256 == digest
                assert bed.stages().count(LOST) == times
        outcome = await bed.orchestrator.deploy(bed.request(SITE))
        assert outcome.result is Result.UNCHANGED

    run(main)


def test_what_ended_while_nobody_listened_comes_back(bed: Bed) -> None:
    async def main() -> None:
        await bed.orchestrator.deploy(bed.request(SITE))
        bed.kill()
        bed.lost_streams = 3
        async with bed.healing():
            await until(lambda: bed.state() == "running")
        assert bed.lost_streams == 0

    run(main)


def test_what_ends_just_before_a_look_is_looked_at_again(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event of an end can come before the engine's list shows it: the look that is next then sees nothing."""
    monkeypatch.setattr(healing, "SETTLE", 0.1)

    @asynccontextmanager
    async def ended(_: Ucpe) -> AsyncIterator[AsyncIterator[str]]:
        yield events()

    async def events() -> AsyncIterator[str]:
        await asyncio.sleep(healing.SETTLE / 2)  # amid the wait before the first look
        yield SERVICE
        await asyncio.Event().wait()

    async def main() -> None:
        await bed.orchestrator.deploy(bed.request(SITE))
        async with bed.healing():
            await until(lambda: bed.stages() == [SOUND])
            bed.kill()
            await until(lambda: bed.state() == "running")

    monkeypatch.setattr(bed, "ended", ended)
    bed.orchestrator = bed.another()
    run(main)


def test_a_kill_during_a_change_waits_for_its_end(bed: Bed) -> None:
    async def main() -> None:
        await bed.orchestrator.deploy(bed.request(SITE))
        async with bed.healing():
            await until(lambda: SOUND in bed.stages())
            bed.driver.delays[OTHER] = 0.02
            change = asyncio.create_task(bed.orchestrator.deploy(bed.request(SITE, OTHER)))
            await until(lambda: bed.state(OTHER) == "running")  # so the change is past this site
            bed.kill()
            assert (await change).result is Result.APPLIED
            assert LOST not in bed.stages()
            await until(lambda: bed.state() == "running")

    run(main)


def test_an_order_waits_for_what_is_being_healed(bed: Bed) -> None:
    async def main() -> None:
        await bed.orchestrator.deploy(bed.request(SITE))
        async with bed.healing():
            await until(lambda: SOUND in bed.stages())
            bed.driver.delays[SITE] = 0.02
            bed.kill()
            await until(lambda: LOST in bed.stages())
            outcome = await bed.orchestrator.deploy(bed.request(SITE, OTHER))
        assert {end.ucpe: end.result for end in outcome.deployments} == {SITE: Result.UNCHANGED, OTHER: Result.APPLIED}

    run(main)


def test_what_is_removed_stays_away_and_is_not_listened_to(bed: Bed) -> None:
    async def main() -> None:
        async with bed.healing():
            await bed.orchestrator.deploy(bed.request(SITE, OTHER))
            await until(lambda: bed.stages() == [SOUND] * 2)
            await bed.orchestrator.deploy(bed.request(OTHER))
            await until(lambda: bed.driver.listened() == {OTHER})
            bed.told.clear()
            bed.kill(OTHER)
            await bed.orchestrator.remove(SERVICE)
            await until(lambda: not bed.driver.listened())
            await until(lambda: bed.stages() == [SOUND])  # the look that the kill asked for found it gone
        assert not bed.driver.state(OTHER).vnfs

    run(main)


def test_what_a_change_left_unfinished_is_not_touched(bed: Bed) -> None:
    async def main() -> None:
        await bed.orchestrator.deploy(bed.request(SITE))
        Store(bed.url).begin(SERVICE, {SITE: None})  # a removal whose process was killed
        async with bed.healing():
            await until(lambda: bed.stages() == [SOUND])
            bed.kill()
            await until(lambda: bed.stages() == [SOUND] * 2)
        assert bed.state() == "exited"

    run(main)


def test_what_a_change_could_not_undo_becomes_what_it_was_before(bed: Bed) -> None:
    async def main() -> None:
        await bed.orchestrator.deploy(bed.request(SITE))
        digest, store = bed.driver.state(SITE).vnfs[FIREWALL].intent_sha256, Store(bed.url)
        plan = store.service(SERVICE).records[SITE].plan
        async with bed.driver.connect(INVENTORY.ucpe(SITE)) as uplink:
            await uplink.docker.run(FIREWALL, ["/vnf/apply"], b"another")
        store.begin(SERVICE, {SITE: plan})
        store.finish(SERVICE, SITE, Record(plan, plan), Result.INCONSISTENT, "intent could not be undone")
        async with bed.healing():
            await until(lambda: SOUND in bed.stages())
        assert bed.driver.state(SITE).vnfs[FIREWALL].intent_sha256 == digest
        assert bed.orchestrator.services()[0].records[SITE].settled

    run(main)


def test_an_interrupted_healing_is_taken_up_with_every_intent(bed: Bed) -> None:
    async def main() -> None:
        await bed.orchestrator.deploy(bed.request(SITE))
        bed.kill()
        bed.driver.delays[SITE] = 0.02
        async with bed.healing():
            await until(lambda: bed.state() == "running")  # and has no intent yet
        assert bed.driver.state(SITE).vnfs[FIREWALL].intent_sha256 is None
        bed.driver.delays.clear()
        bed.orchestrator = bed.another()
        async with bed.healing():
            await until(lambda: SOUND in bed.stages())
        assert bed.driver.state(SITE).vnfs[FIREWALL].intent_sha256
        assert bed.orchestrator.services()[0].records[SITE].settled

    run(main)


def test_what_cannot_come_back_is_tried_again(bed: Bed, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        await bed.orchestrator.deploy(bed.request(SITE))
        bed.driver.fail(SITE, "start", "no space left on device", times=3)
        bed.kill()
        async with bed.healing():
            await until(lambda: bed.stages()[-1:] == [SOUND])
        assert bed.state() == "running"
        assert [event.stage for event in bed.told].count("failed") == 3
        assert caplog.text.count("is not back, and tried again: site-00001: docker: no space left on device") == 1

    run(main)


def test_looks_grow_rarer_but_do_not_end() -> None:
    pauses = [healing._pause(times) for times in range(40)]
    assert pauses[0] == healing.SETTLE
    assert pauses == sorted(pauses)
    assert pauses[-1] == healing._pause(10**9) == healing.LONGEST
