"""What a run was given, kept beside its results: the scenario as it was written and as it was understood, its order."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reports.write import INPUTS
from scenarios.load import FILE_NAME, LoadedScenario

RESOLVED_NAME, ORDER_NAME = "scenario.resolved.json", "order.json"


def keep(loaded: LoadedScenario, templates: Mapping[str, Path], run: Path) -> None:
    """Write the scenario's file, what it means, and the *templates* that sites are made from below the folder *run*."""
    folder = run / INPUTS
    for name, file in {FILE_NAME: loaded.path, **templates}.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    _write(folder / RESOLVED_NAME, resolved(loaded))


def keep_order(requests: Sequence[Mapping[str, Any]], run: Path) -> None:
    """Write what was sent to the API to order the service: method, path and body of each request."""
    _write(run / INPUTS / ORDER_NAME, list(requests))


def resolved(loaded: LoadedScenario) -> dict[str, Any]:
    """Return the scenario with every default in its place, those of its verbs' parameters too."""
    document: dict[str, Any] = loaded.scenario.model_dump(mode="json", by_alias=True)
    for step, verb in zip(document["steps"], loaded.verbs, strict=True):
        step["with"] = verb.model_dump(mode="json", by_alias=True)
    return document


def _write(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
