"""Templates and products as every command of this process finds them, read once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from common.product_folder import product_folder
from orchestrator.tosca import Catalogue


def catalogue() -> Catalogue:
    """Return the templates and products of this checkout and of the catalogue that is named in the environment."""
    return _with(product_folder().absolute())


@cache
def _with(_folder: Path) -> Catalogue:
    return Catalogue()
