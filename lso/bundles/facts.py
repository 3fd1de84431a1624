"""What the signed statement says of a run besides its files."""

from __future__ import annotations

from typing import Any

from reports.model import RunResult


def facts(result: RunResult) -> dict[str, Any]:
    """Return which run it was, on what, and what came out, as JSON values."""
    return {
        "runId": result.run_id,
        "scenario": {"id": result.scenario.id, "sha256": result.scenario.sha256},
        "startedAt": result.started_at.isoformat(),
        "durationSeconds": result.duration_seconds,
        "ending": result.ending,
        "verdict": str(result.verdict),
        "steps": {step.id: str(step.verdict) for step in result.steps},
        "versions": dict(result.versions),
        "images": dict(result.images),
        "machine": dict(result.machine),
        "engines": {engine.capability: engine.chosen for engine in result.engines},
    }
