"""Writing a matrix's folder: page, JSON, CSV, JUnit XML and badge, beside a folder `cells/` with those of the runs."""

from __future__ import annotations

from pathlib import Path

from reports.matrix.model import MatrixResult
from reports.matrix.page import Logs, render_matrix_html
from reports.matrix.tables import badge_svg, csv_text, matrix_junit
from reports.write import JUNIT_NAME, replace_file

JSON_NAME, PAGE_NAME, CSV_NAME, BADGE_NAME = "matrix.json", "matrix.html", "matrix.csv", "badge.svg"


def write_matrix_report(result: MatrixResult, directory: Path, logs: Logs) -> None:
    """Render `result` into `directory`. Each file is replaced whole or not at all; raises OSError when it cannot be."""
    directory.mkdir(parents=True, exist_ok=True)
    texts = {
        JSON_NAME: result.model_dump_json(indent=2) + "\n",
        PAGE_NAME: render_matrix_html(result, logs),
        CSV_NAME: csv_text(result),
        JUNIT_NAME: matrix_junit(result),
        BADGE_NAME: badge_svg(result),
    }
    for name, text in texts.items():
        replace_file(directory / name, text)
