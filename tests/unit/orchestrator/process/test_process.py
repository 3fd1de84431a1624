"""The orchestrator in a process of its own does what it does here, and neither process outlives the other."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from benchmarks.memory import memory_orchestrator
from common.findings import FileFinding
from orchestrator.inventory import Inventory
from orchestrator.model import (
    DeploymentRequest,
    OrchestratorError,
    Result,
    ServiceEvent,
    ServiceRequest,
    StoreUnavailable,
    TemplateError,
    UcpeRefused,
    UnknownService,
    UnknownUcpe,
    VnfError,
)
from orchestrator.process.parent import OrchestratorProcess
from orchestrator.service import Orchestrator
from orchestrator.southbound.memory_inventory import memory_inventory
from orchestrator.store import Store

SERVICE, OTHER = "11111111-2222-3333-4444-555555555555", "22222222-2222-3333-4444-555555555555"
SITE = "site-00001"
INVENTORY = memory_inventory(2)
TIMEOUT = 20.0


def request(inputs: dict[str, Any], service: str = SERVICE, site: str = SITE) -> ServiceRequest:
    return ServiceRequest(service, "acme", (DeploymentRequest(site, "poc-site", inputs),))


Processes = Callable[..., OrchestratorProcess]


@pytest_asyncio.fixture
async def processes(tmp_path: Path) -> AsyncIterator[Processes]:
    """Makes a process over uCPEs that keep their state and take `delay` seconds for each call."""
    made: list[OrchestratorProcess] = []
    url = f"sqlite:///{tmp_path}/state.db"

    def make(delay: float = 0.0, inventory: Inventory = INVENTORY) -> OrchestratorProcess:
        how = partial(memory_orchestrator, url, tmp_path / "ucpes", delay)
        made.append(OrchestratorProcess(inventory, Store(url), how))
        return made[-1]

    yield make
    for process in made:
        process.close()


def children() -> set[int]:
    """The processes that this one has started and not yet buried."""
    return {int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


@asynccontextmanager
async def begun(process: OrchestratorProcess, wanted: ServiceRequest) -> AsyncIterator[asyncio.Task[Any]]:
    """A deployment that has begun."""
    at_work = asyncio.Event()
    task = asyncio.create_task(process.deploy(wanted, lambda _event: at_work.set()))
    async with asyncio.timeout(TIMEOUT):
        await at_work.wait()
    yield task


@pytest.mark.asyncio
async def test_life_of_a_service(processes: Processes, site_inputs: Any) -> None:
    process, events = processes(), list[ServiceEvent]()
    outcome = await process.deploy(request(site_inputs()), events.append)
    assert (outcome.result, outcome.generation) == (Result.APPLIED, 1)
    assert [event.elapsed for event in events] == sorted(event.elapsed for event in events)
    assert {event.ucpe for event in events} == {SITE}
    assert (await process.observe(SERVICE)).deployments[0].differences == ()
    assert [vnf.kind for vnf in (await process.gateway(SERVICE, SITE)).vnfs] == ["ipsec"]
    assert process.carried(SITE) == ("acme",)
    assert (await process.remove(SERVICE)).result is Result.REMOVED
    assert process.carried(SITE) == ()


@pytest.mark.asyncio
async def test_what_is_refused_is_raised_here_with_all_that_was_found(processes: Processes, site_inputs: Any) -> None:
    process = processes()
    with pytest.raises(TemplateError) as refused:
        await process.deploy(request(site_inputs(lan_address="nowhere", identity=None)))
    assert {finding.path for finding in refused.value.findings} >= {"lan_address", "identity"}
    with pytest.raises(UnknownService, match=f"no service {OTHER}"):
        await process.remove(OTHER)


@pytest.mark.asyncio
async def test_a_new_inventory_holds_from_the_next_call_on(processes: Processes, site_inputs: Any) -> None:
    process, wanted = processes(), request(site_inputs(), site="site-00002")
    assert (await process.deploy(wanted)).succeeded
    process.use(memory_inventory(1))
    with pytest.raises(UnknownUcpe):
        await process.deploy(wanted)


@pytest.mark.asyncio
async def test_several_calls_go_on_at_once(processes: Processes, site_inputs: Any) -> None:
    process = processes(delay=0.02)
    async with begun(process, request(site_inputs())) as first:
        second = await process.deploy(request(site_inputs(), OTHER, "site-00002"))
        assert {second.result, (await first).result} == {Result.APPLIED}


@pytest.mark.asyncio
async def test_a_cancelled_call_has_ended_there_too(processes: Processes, site_inputs: Any) -> None:
    process = processes(delay=0.05)
    async with begun(process, request(site_inputs())) as task:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert (await process.deploy(request(site_inputs()))).succeeded, "no conflict with what was given up"


@pytest.mark.asyncio
async def test_a_process_that_dies_alone_is_replaced_and_the_call_made_again(
    processes: Processes, site_inputs: Any
) -> None:
    before = children()
    process = processes(delay=0.02)
    async with begun(process, request(site_inputs())) as task:
        (there,) = children() - before
        os.kill(there, signal.SIGKILL)
        outcome = await task
    assert (outcome.succeeded, outcome.generation) == (True, 2)
    assert children() - before != {there}


def _away_at_first(file: Path, make: Callable[[Inventory], Orchestrator], inventory: Inventory) -> Orchestrator:
    """As `make`, but the database does not answer before `file` is there."""
    if not file.exists():
        file.touch()
        raise StoreUnavailable("cannot open the state database")
    return make(inventory)


@pytest.mark.asyncio
async def test_a_database_that_is_away_at_first_is_asked_again(tmp_path: Path, site_inputs: Any) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    how = partial(memory_orchestrator, url, tmp_path / "ucpes", 0.0)
    process = OrchestratorProcess(INVENTORY, Store(url), partial(_away_at_first, tmp_path / "back", how))
    try:
        with pytest.raises(StoreUnavailable):
            await process.deploy(request(site_inputs()))
        assert (await process.deploy(request(site_inputs()))).succeeded
    finally:
        process.close()


def _die(_inventory: Inventory) -> Orchestrator:
    os._exit(1)


@pytest.mark.asyncio
async def test_a_call_that_kills_the_process_each_time_is_an_error(tmp_path: Path, site_inputs: Any) -> None:
    process = OrchestratorProcess(INVENTORY, Store(f"sqlite:///{tmp_path}/state.db"), _die)
    with pytest.raises(OrchestratorError, match="died 2 times"):
        await process.deploy(request(site_inputs()))
    process.close()


@pytest.mark.asyncio
async def test_closing_ends_the_process_in_the_middle_of_its_work(processes: Processes, site_inputs: Any) -> None:
    before = children()
    process = processes(delay=0.05)
    async with begun(process, request(site_inputs())) as task:
        process.close()
        with pytest.raises(OrchestratorError, match="the server stops"):
            await task
    assert children() == before


@pytest.mark.asyncio
async def test_closing_before_the_first_call_ends_the_process(processes: Processes) -> None:
    before = children()
    process = processes()
    assert children() == before, "nothing is started by the constructor"
    process.start()
    assert children() > before
    process.close()
    assert children() == before


_KILLED = """
import asyncio, os, select, sys
from functools import partial
from benchmarks.memory import memory_orchestrator
from orchestrator.model import DeploymentRequest, ServiceRequest
from orchestrator.process.parent import OrchestratorProcess
from orchestrator.southbound.memory_inventory import memory_inventory
from orchestrator.store import Store

url, inputs = sys.argv[1], eval(sys.argv[2])
process = OrchestratorProcess(memory_inventory(1), Store(url), partial(memory_orchestrator, url, None, 0.02))
process.start()
print(process._link._process.pid, flush=True)
if inputs:
    end = DeploymentRequest("site-00001", "poc-site", inputs)
    # Killed before it has heard what the process tells meanwhile, so that the socket is reset and not closed.
    killed = lambda _event: (select.select([process._link._socket], [], [], 60), os.kill(os.getpid(), 9))
    asyncio.run(process.deploy(ServiceRequest("{service}", "acme", (end,)), killed))
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("working", [False, True], ids=["idle", "working"])
def test_a_process_whose_maker_is_killed_ends(tmp_path: Path, site_inputs: Any, *, working: bool) -> None:
    inputs = site_inputs() if working else {}
    script = _KILLED.replace("{service}", SERVICE)
    command = [sys.executable, "-c", script, f"sqlite:///{tmp_path}/state.db", repr(inputs)]
    maker = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=TIMEOUT)
    assert maker.returncode == -signal.SIGKILL
    there, deadline = Path("/proc", maker.stdout.strip()), time.monotonic() + TIMEOUT
    while there.exists() and ") Z " not in there.joinpath("stat").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    "error",
    [
        TemplateError(
            (FileFinding("site.yaml", 1, 2, "x", "wrong"), FileFinding("inputs", None, None, "y", "missing"))
        ),
        UcpeRefused("site-a", "docker", "no room"),
        VnfError("site-a", "firewall", "bad rule", "rules[0]"),
        UnknownService("there is none"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_are_the_same_on_the_other_side(error: OrchestratorError) -> None:
    there = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(there) is type(error)
    assert (str(there), vars(there)) == (str(error), vars(error))
