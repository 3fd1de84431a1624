"""Which products there are: a new one is tested as soon as it has a descriptor."""

from __future__ import annotations

from pathlib import Path

import yaml

VNFS = Path(__file__).parents[3] / "vnfs"


def products(kind: str) -> list[str]:
    """The names of all products of a kind: what their node types derive from says it."""
    return [file.parent.name for file in sorted(VNFS.glob("*/descriptor.yaml")) if _kind(file) == kind]


def _kind(descriptor: Path) -> str:
    (node_type,) = yaml.safe_load(descriptor.read_text(encoding="utf-8"))["node_types"].values()
    return str(node_type["derived_from"]).rpartition(".")[2].lower()
