"""The inventory as a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.inventory import Inventory


@pytest.fixture
def sites(inventory: Inventory, tmp_path: Path) -> Path:
    """The file of the inventory."""
    path = tmp_path / "inventory.json"
    path.write_text(inventory.model_dump_json(), encoding="utf-8")
    return path
