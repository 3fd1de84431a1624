"""The sample runs beside this file (invented, of realistic shape) and small results for single cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reports.model import RunResult, StepResult
from reports.read import load_run

HERE = Path(__file__).parent
SAMPLES = {path.stem: path for path in sorted((HERE / "samples").glob("*.json"))}


def sample(name: str) -> RunResult:
    return load_run(SAMPLES[name])


def a_step(**values: Any) -> StepResult:
    return StepResult.model_validate({"id": "one", "verb": "ping", "title": "One", "verdict": "passed", **values})


def a_run(*steps: StepResult, **values: Any) -> RunResult:
    content: dict[str, Any] = {
        "run_id": "r1",
        "scenario": {"id": "s", "title": "S"},
        "started_at": "2026-03-14T09:15:02Z",
        "duration_seconds": 10,
        "verdict": "passed",
        "steps": steps,
        **values,
    }
    return RunResult.model_validate(content)
