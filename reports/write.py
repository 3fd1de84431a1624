"""Writing a run's folder: `result.json`, `junit.xml`, `report.html`; evidence lies beside them under `evidence/`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from reports.junit import junit_xml
from reports.model import RunResult
from reports.page import render_html
from reports.read import RESULT_NAME


@dataclass(frozen=True)
class ReportPaths:
    """The files of a written report."""

    result: Path
    junit: Path
    page: Path


def result_json(result: RunResult) -> str:
    """The result as `result.json` holds it; `RunResult.model_validate_json` reads it back unchanged."""
    return result.model_dump_json(indent=2) + "\n"


def write_report(result: RunResult, directory: Path) -> ReportPaths:
    """Render `result` into `directory`, made if need be. Each file is replaced whole or not at all.

    Raises OSError when the directory cannot be written.
    """
    paths = ReportPaths(directory / RESULT_NAME, directory / "junit.xml", directory / "report.html")
    texts = ((paths.result, result_json(result)), (paths.junit, junit_xml(result)), (paths.page, render_html(result)))
    directory.mkdir(parents=True, exist_ok=True)
    for path, text in texts:
        _replace(path, text)
    return paths


def _replace(path: Path, text: str) -> None:
    """Write beside and rename, so that a reader or a full disk never sees half a file."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
