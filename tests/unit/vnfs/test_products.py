"""Whatever has a Dockerfile under vnfs/ is found by the tests that send packets."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ...integration.vnfs import products


def test_every_product_is_tested() -> None:
    found = sorted(name for kind in ("firewall", "ipsec", "statistics") for name in products.products(kind))
    assert found == sorted(file.parent.name for file in products.VNFS.glob("*/Dockerfile"))


def test_a_new_product_is_found_by_its_descriptor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It need not use the helpers, nor have their files."""
    (tmp_path / "second").mkdir()
    shutil.copy(products.VNFS / "nftables" / "descriptor.yaml", tmp_path / "second")
    monkeypatch.setattr(products, "VNFS", tmp_path)
    assert (products.products("firewall"), products.products("ipsec")) == (["second"], [])
