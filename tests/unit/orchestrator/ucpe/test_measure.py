"""What is made of a gateway's `/vnf/probe`, whatever it prints."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.inventory import Ucpe
from orchestrator.model import DeploymentRequest, ServiceRequest, SiteMeasurement, UnknownService
from orchestrator.service import Orchestrator
from orchestrator.southbound.exec import ExecResult
from orchestrator.southbound.memory import MemorySouthbound
from orchestrator.southbound.memory_inventory import memory_inventory
from orchestrator.ucpe.measure import measure_site

SERVICE = "11111111-2222-3333-4444-555555555555"
INVENTORY = memory_inventory(2)
SITE = INVENTORY.ucpes[0].id
TARGETS = {"site-b": "10.2.0.1", "site-c": "10.3.0.1"}


@pytest.fixture
def deployed(site_inputs: Any, tmp_path: Path) -> tuple[Orchestrator, MemorySouthbound]:
    """A service whose gateways have no tunnels, being in memory."""
    southbound = MemorySouthbound(INVENTORY)
    orchestrator = Orchestrator(INVENTORY, f"sqlite:///{tmp_path}/state.db", connect=southbound.connect)
    request = ServiceRequest(SERVICE, "acme", (DeploymentRequest(SITE, "poc-site", site_inputs()),))
    asyncio.run(orchestrator.deploy(request))
    return orchestrator, southbound


def measured(southbound: MemorySouthbound, printed: ExecResult, asked: list[tuple[Any, ...]]) -> SiteMeasurement:
    """The measurement of a gateway that answers like that."""

    @asynccontextmanager
    async def connect(ucpe: Ucpe) -> AsyncIterator[Any]:
        async with southbound.connect(ucpe) as uplink:

            async def run(container: str, command: Sequence[str], stdin: bytes | None = None) -> ExecResult:
                asked.append((list(command), json.loads(stdin or b"null")))
                return printed

            uplink.docker.run = run  # type: ignore[method-assign]
            yield uplink

    return asyncio.run(measure_site(INVENTORY.ucpe(SITE), SERVICE, TARGETS, 2, connect))


def probed(*peers: Mapping[str, Any]) -> bytes:
    return json.dumps({"contract": "1", "kind": "ipsec", "name": "gateway", "peers": peers}).encode()


CASES: list[tuple[str, ExecResult, dict[str, tuple[float | None, ...]], str | None]] = [
    (
        "round trips",
        ExecResult(0, probed({"name": "site-b", "address": "10.2.0.1", "round_trips_ms": [1.5, None]}), b""),
        {"site-b": (1.5, None)},
        None,
    ),
    ("nothing", ExecResult(0, b"", b""), {}, "/vnf/probe printed something else: : Invalid JSON"),
    ("no peers", ExecResult(0, b"{}", b""), {}, "/vnf/probe printed something else: peers: Field required"),
    (
        "no numbers",
        ExecResult(0, probed({"name": "site-b", "round_trips_ms": ["1.5"]}), b""),
        {},
        "/vnf/probe printed something else: peers.0.round_trips_ms.0: Input should be a valid number",
    ),
    (
        "a refusal",
        ExecResult(2, b"", b'{"error":"must be at most 50","path":"echoes"}'),
        {},
        "/vnf/probe ended with 2: must be at most 50",
    ),
    ("an image without it", ExecResult(126, b"no such file", b""), {}, "/vnf/probe ended with 126: no such file"),
]


@pytest.mark.parametrize(("printed", "times", "problem"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_a_gateway_prints(
    deployed: Any, printed: ExecResult, times: dict[str, tuple[float | None, ...]], problem: str | None
) -> None:
    asked: list[tuple[Any, ...]] = []
    found = measured(deployed[1], printed, asked)
    assert found.round_trips == times
    assert (found.problem is None) if problem is None else str(found.problem).startswith(f"{SITE}: {problem}")
    peers = [{"name": name, "address": address} for name, address in TARGETS.items()]
    assert asked == [(["/vnf/probe"], {"echoes": 2, "peers": peers})]


def test_a_gateway_that_does_not_run_or_is_not_there(deployed: Any) -> None:
    orchestrator, southbound = deployed
    vnf = southbound.state(SITE).vnfs["11111111-ipsec"]
    for entry, problem in (
        (replace(vnf.entry, state="exited"), "the container of its IPsec gateway is exited"),
        (replace(vnf.entry, labels={"lso.service": SERVICE}), "there is no IPsec gateway"),
    ):
        southbound.state(SITE).keep(vnfs={"11111111-ipsec": replace(vnf, entry=entry)})
        (found,) = asyncio.run(orchestrator.measure(SERVICE, {SITE: TARGETS, "elsewhere": {}}, 2))
        assert found.problem == f"{SITE}: {problem}"
    southbound.fail(SITE, "connect", "no answer")
    (found,) = asyncio.run(orchestrator.measure(SERVICE, {SITE: TARGETS}, 2))
    assert found.problem == f"{SITE}: docker: no answer"
    with pytest.raises(UnknownService):
        asyncio.run(orchestrator.measure("22222222-2222-3333-4444-555555555555", {SITE: TARGETS}, 2))
