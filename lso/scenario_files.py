"""Scenario files as every command reads them: what the API would refuse of their order is a finding as well."""

from __future__ import annotations

from pathlib import Path

from lso.order_check import order_faults
from scenarios.load import LoadedScenario
from scenarios.load import load as load_unordered


def load(path: Path) -> LoadedScenario:
    """Return the scenario at *path*; raises ``ScenarioError`` with all that is wrong with it and with its order."""
    return load_unordered(path, order_faults)
