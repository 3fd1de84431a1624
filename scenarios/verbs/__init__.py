"""The verbs of scenario steps: one verb, one file, one class; a new file here is a new verb."""

from __future__ import annotations

import importlib
import pkgutil

from scenarios.steps.verb import REGISTRY

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["REGISTRY"]
