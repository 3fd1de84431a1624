"""The facts of the published API definitions, as extracts that the tests hold the product against."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
PRESTO = "presto-sdwan/presto-sdwan.yaml"
"""The interface of the proof of concept."""


def mef(api: str, part: str = "management") -> str:
    """The name of a MEF definition: *api* is ordering or inventory, *part* management or notification."""
    return f"mef-lso-ordering-inventory/mef-lso-legato-service-{api}-{part}-openapi.yml"


def load(name: str | Path) -> Any:
    """The extract of a published file, by its path below the folder; each call gives a copy of its own."""
    return yaml.load((FOLDER / name).read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506  # a safe one
