"""Imports run one way: the contracts in pyproject.toml hold, and each of them notices an import that breaks it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
PACKAGES = SETTINGS["root_packages"]
BREAKING = {
    "packages stand in layers": ("testbed", "import reports"),
    "the folders of the test-bed stand in layers": ("testbed/host", "import testbed.lab"),
    "the folders of the orchestrator stand in layers": ("orchestrator/plan", "import orchestrator.ucpe.change"),
    "the folders of the scenarios stand in layers": ("scenarios/file", "import scenarios.verbs.ping"),
    "the API's packages stand in layers": ("presto/persistence", "import presto.service.core"),
    "the API knows uCPEs only through the orchestrator, and leaves reports to others": ("presto", "import testbed"),
    "scenarios talk to the API over HTTP only": ("scenarios", "import orchestrator"),
}
"""Contract → a folder, and the line in it that breaks the contract."""


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([program, "--no-cache", "--no-logo"], cwd=folder, capture_output=True, text=True, check=False)


def test_they_hold() -> None:
    linted = lint(ROOT)
    assert linted.returncode == 0, linted.stdout


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources alone, to be broken."""
    folder = tmp_path_factory.mktemp("sources")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for package in PACKAGES:
        for source in (ROOT / package).rglob("*.py"):
            target = folder / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return folder


@pytest.mark.parametrize("contract", [contract["name"] for contract in SETTINGS["contracts"]])
def test_what_breaks_a_contract_is_told(scratch: Path, contract: str) -> None:
    package, line = BREAKING[contract]
    broken = scratch / package / "breaking.py"
    broken.write_text(f"{line}\n")
    try:
        linted = lint(scratch)
    finally:
        broken.unlink()
    assert linted.returncode == 1
    assert f"{contract} BROKEN" in linted.stdout
