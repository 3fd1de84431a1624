from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lso.bundles.create import create

from ....bundled import recorded_run


@pytest.fixture(scope="session")
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory, key: Ed25519PrivateKey) -> Path:
    """A bundle that holds; whoever changes it takes a copy."""
    folder = tmp_path_factory.mktemp("bundle")
    return create(recorded_run(folder / "run"), folder / "bundle.zip", key).file


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder to be manipulated."""
    return recorded_run(tmp_path / "run")


@pytest.fixture
def edit(run: Path) -> Callable[[Callable[[dict[str, Any]], object]], None]:
    """Changes the run's result in place."""

    def change(how: Callable[[dict[str, Any]], object]) -> None:
        file = run / "result.json"
        document = json.loads(file.read_text(encoding="utf-8"))
        how(document)
        file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

    return change
