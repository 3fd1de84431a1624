"""The verbs of scenario steps: one verb, one file, one class; a new file here is a new verb."""

from __future__ import annotations

import importlib
import pkgutil

from scenarios.steps.verb import REGISTRY

for _module in pkgutil.walk_packages(__path__, f"{__name__}."):
    importlib.import_module(_module.name)

__all__ = ["REGISTRY"]
