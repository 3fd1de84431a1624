"""The real orchestrator over uCPEs in memory, as its own process makes it."""

from __future__ import annotations

from pathlib import Path

from orchestrator.inventory import Inventory
from orchestrator.service import Orchestrator
from orchestrator.southbound.memory import MemorySouthbound


def memory_orchestrator(url: str, state: Path | None, delay: float, inventory: Inventory) -> Orchestrator:
    """`state` is where the uCPEs keep theirs, `delay` the seconds that each call to one takes."""
    southbound = MemorySouthbound(inventory, delay=delay, file=state)
    return Orchestrator(inventory, url, connect=southbound.connect, ended=southbound.ended)
