"""The grid, CSV, JUnit XML and the badge of a matrix's result."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from reports.matrix import Axis, AxisValue, Cell, Deviation, MatrixResult, Outcome, write_matrix_report
from reports.matrix.console import MatrixConsole

OUTCOMES = {
    "x-x--a": Outcome.PASSED,
    "x-x--b": Outcome.FAILED,
    "x-y--a": Outcome.UNSUPPORTED,
    "x-y--b": Outcome.DEVIATION,
    "y-x--a": Outcome.ERROR,
}


def result(outcomes: dict[str, Outcome] = OUTCOMES, message: str = "=cmd <b>") -> MatrixResult:
    axes = (
        Axis(id="pair", values=tuple(AxisValue(id=pair) for pair in ("x-x", "x-y", "y-x"))),
        Axis(id="option", values=(AxisValue(id="a"), AxisValue(id="b", expect="fails-to-connect"))),
    )
    cells = tuple(
        Cell(
            id=name,
            place=dict(zip(("pair", "option"), name.split("--"), strict=True)),
            outcome=outcome,
            message=message,
            seconds=1.5,
            bundle=outcome is Outcome.FAILED,
        )
        for name, outcome in outcomes.items()
    )
    return MatrixResult(
        matrix="m",
        title="A <title>",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        duration_seconds=7,
        axes=axes,
        deviations=(Deviation(cells={"pair": "x-y"}, reason="known"),),
        cells=cells,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_matrix_report(result(), tmp_path, {"x-x--b": {"state/end/a/ipsec.log.txt": "no <proposal>"}})
    return tmp_path


def test_json_is_read_back_the_same(folder: Path) -> None:
    assert MatrixResult.model_validate_json((folder / "matrix.json").read_text(encoding="utf-8")) == result()


def test_csv_has_a_line_for_each_cell_and_no_formula(folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO((folder / "matrix.csv").read_text(encoding="utf-8"))))
    assert {row["cell"]: row["outcome"] for row in rows} == OUTCOMES
    assert (rows[1]["pair"], rows[1]["option"], rows[1]["message"]) == ("x-x", "b", "'=cmd <b>")


def test_junit_keeps_failure_error_and_skipped_apart(folder: Path) -> None:
    root = ET.fromstring((folder / "junit.xml").read_text(encoding="utf-8"))  # noqa: S314 - we wrote it
    tags = {case.get("name"): [child.tag for child in case] for case in root.iter("testcase")}
    assert tags == {
        "x-x--a": ["system-out"], "x-x--b": ["failure"], "x-y--a": ["skipped"], "x-y--b": ["skipped"],
        "y-x--a": ["error"],
    }  # fmt: skip
    suite = root.find("testsuite")
    assert suite is not None
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["5", "1", "1", "2"]


def test_the_page_has_every_cell_its_logs_and_nothing_unescaped(folder: Path) -> None:
    page = (folder / "matrix.html").read_text(encoding="utf-8")
    for name in OUTCOMES:
        assert f'href="#cell-{name}"' in page
        assert f'id="cell-{name}"' in page
    assert page.count(">not run<") == 1
    assert 'href="cells/x-x--b/report.html"' in page
    assert "no &lt;proposal&gt;" in page
    assert "<b>" not in page
    assert "<title>failed: A &lt;title&gt;" in page


@pytest.mark.parametrize(
    ("outcomes", "told", "colour"),
    [
        (OUTCOMES, "m: 3/5 as expected", "#c62828"),
        ({"x-x--a": Outcome.PASSED, "x-y--b": Outcome.DEVIATION}, "m: 2/2 as expected", "#2e7d32"),
    ],
)
def test_the_badge(outcomes: dict[str, Outcome], told: str, colour: str, tmp_path: Path) -> None:
    write_matrix_report(result(outcomes), tmp_path, {})
    badge = (tmp_path / "badge.svg").read_text(encoding="utf-8")
    ET.fromstring(badge)  # noqa: S314 - we wrote it
    assert told in badge
    assert colour in badge


def test_an_interrupted_matrix_is_not_as_expected() -> None:
    good = result({"x-x--a": Outcome.PASSED})
    assert good.as_expected
    assert not good.model_copy(update={"complete": False}).as_expected


def test_the_terminal_shows_the_grid(tmp_path: Path) -> None:
    text = io.StringIO()
    MatrixConsole(text).summary(result(), tmp_path)
    rows = [line.split() for line in text.getvalue().splitlines()]
    assert ["pair", "a", "b"] in rows
    assert ["x-y", "unsupported", "deviation"] in rows
    assert ["y-x", "error", "–"] in rows
