"""Scenario files and sabotages as every command reads them: what the API would refuse of an order is told as well."""

from __future__ import annotations

from pathlib import Path

from lso.catalogue import catalogue
from lso.order_check import order_faults
from orchestrator.model import OrchestratorError
from scenarios.load import LoadedScenario
from scenarios.load import load as load_unordered


def load(path: Path) -> LoadedScenario:
    """Return the scenario at *path*; raises ``ScenarioError`` with all that is wrong with it and with its order."""
    return load_unordered(path, order_faults)


def vendors() -> dict[str, set[str]]:
    """Return whose products there are of each kind of VNF, but for kinds of which one does not say whose it is."""
    found: dict[str, set[str | None]] = {}
    try:
        for product in catalogue().products():
            found.setdefault(product.kind, set()).add(product.vendor)
    except OrchestratorError:  # a descriptor is wrong, which who uses it is told
        return {}
    return {kind: {name for name in names if name} for kind, names in found.items() if None not in names}
