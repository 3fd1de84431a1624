"""A VNF that is not ready at once after its intent: it is asked again, and refused when it never is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator.model import DeploymentOutcome, DeploymentRequest, Result, ServiceRequest
from orchestrator.service import Orchestrator
from orchestrator.southbound.exec import ExecResult
from orchestrator.southbound.memory import MemoryEngine, MemorySouthbound
from orchestrator.southbound.memory_inventory import memory_inventory
from orchestrator.ucpe import steps

INVENTORY = memory_inventory(1)
SITE = INVENTORY.ucpes[0].id
VNFS = 3


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Engines that are late as often as this has entries: then a status says that the VNF is not ready."""
    left: list[str] = []
    run = MemoryEngine.run

    async def late_run(
        self: MemoryEngine, container: str, command: Sequence[str], stdin: bytes | None = None
    ) -> ExecResult:
        told = await run(self, container, command, stdin)
        if list(command) == ["/vnf/status"] and left:
            left.pop()
            return ExecResult(0, json.dumps({**json.loads(told.stdout), "ready": False}).encode(), b"")
        return told

    monkeypatch.setattr(MemoryEngine, "run", late_run)
    monkeypatch.setattr(steps, "READY_PAUSE", 0.0)
    return left


def deployed(folder: Path, inputs: dict[str, Any]) -> DeploymentOutcome:
    southbound = MemorySouthbound(INVENTORY)
    orchestrator = Orchestrator(INVENTORY, f"sqlite:///{folder}/state.db", connect=southbound.connect)
    service = "11111111-2222-3333-4444-555555555555"
    request = ServiceRequest(service, "acme", (DeploymentRequest(SITE, "poc-site", inputs),))
    return asyncio.run(orchestrator.deploy(request)).deployments[0]


@pytest.mark.parametrize("times", [0, 1, 4 * VNFS])
def test_engines_may_be_late(late: list[str], tmp_path: Path, site_inputs: Any, times: int) -> None:
    late += ["late"] * times
    assert deployed(tmp_path, site_inputs()).result is Result.APPLIED


def test_what_is_never_ready_is_refused(
    late: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, site_inputs: Any
) -> None:
    late += ["late"] * 1_000_000
    monkeypatch.setattr(steps, "READY_SECONDS", 0.1)
    outcome = deployed(tmp_path, site_inputs())
    assert outcome.result is Result.ROLLED_BACK
    assert "ready: False, expected True" in (outcome.error or "")


def test_an_apply_that_ends_with_its_container_is_no_refusal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, site_inputs: Any
) -> None:
    run = MemoryEngine.run

    async def killed(
        self: MemoryEngine, container: str, command: Sequence[str], stdin: bytes | None = None
    ) -> ExecResult:
        if list(command) == ["/vnf/apply"]:
            return ExecResult(137, b"", b"")
        return await run(self, container, command, stdin)

    monkeypatch.setattr(MemoryEngine, "run", killed)
    outcome = deployed(tmp_path, site_inputs())
    assert outcome.result is not Result.APPLIED
    assert "/vnf/apply came to no end (it was killed, as when its container ends); see 'docker logs " in (
        outcome.error or ""
    )
