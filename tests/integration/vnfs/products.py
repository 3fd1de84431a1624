"""Which products there are: a new one is tested as soon as its folder has a product.json."""

from __future__ import annotations

import json
from pathlib import Path

VNFS = Path(__file__).parents[3] / "vnfs"


def products(kind: str) -> list[str]:
    """The names of all products of a kind."""
    files = sorted(VNFS.glob("*/product.json"))
    return [file.parent.name for file in files if json.loads(file.read_text(encoding="utf-8"))["kind"] == kind]
