"""From a matrix's result to the text of a page that loads nothing: a grid, and what is behind each cell."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from reports.matrix.model import MatrixResult, Outcome
from reports.model import Verdict
from reports.page.render import FOLDER, environment, source_hash

Logs = Mapping[str, Mapping[str, str]]
"""By cell the last lines of logs, by their files' path below the cell's folder."""

LOOKS = {
    Outcome.PASSED: Verdict.PASSED,
    Outcome.FAILED: Verdict.FAILED,
    Outcome.ERROR: Verdict.ERROR,
    Outcome.UNSUPPORTED: Verdict.SKIPPED,
    Outcome.DEVIATION: Verdict.SKIPPED,
}


def render_matrix_html(result: MatrixResult, logs: Logs) -> str:
    """The page, ready to write as UTF-8. Every text is escaped; reports are linked under `cells/`."""
    style = (FOLDER / "report.css").read_text(encoding="utf-8")
    return environment().get_template("matrix.html.j2").render(
        result=result,
        look=Verdict.PASSED if result.as_expected else Verdict.FAILED,
        grid=[(row, [(value, result.cell((*row, value))) for value in result.axes[-1].values]) for row in result.rows],
        titles={axis.id: {value.id: value.title or value.id for value in axis.values} for axis in result.axes},
        looks=LOOKS,
        logs=logs,
        style=Markup(style),  # noqa: S704 - our own file
        style_hash=source_hash(style),
    )  # fmt: skip
