"""A matrix's result for programs: CSV (RFC 4180), JUnit XML as CI systems read it, and a badge in SVG."""

from __future__ import annotations

import csv
import io
from datetime import UTC
from html import escape
from xml.etree import ElementTree as ET

from reports.matrix.model import Cell, MatrixResult, Outcome
from reports.text import printable

_TAGS = {
    Outcome.FAILED: "failure",
    Outcome.ERROR: "error",
    Outcome.UNSUPPORTED: "skipped",
    Outcome.DEVIATION: "skipped",
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_COLUMNS = ("cell", "expect", "outcome", "seconds", "machine", "run", "message")


def csv_text(result: MatrixResult) -> str:
    """A line for each cell: the axes' values, what was expected, what came out."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*(axis.id for axis in result.axes), *_COLUMNS])
    for cell in result.cells:
        row = [cell.id, cell.expect, cell.outcome, f"{cell.seconds:.3f}", cell.machine, cell.run_id, cell.message]
        writer.writerow([_plain(value) for value in [*cell.place.values(), *row]])
    return text.getvalue()


def _plain(value: str) -> str:
    """The value in a form that no spreadsheet takes for a formula."""
    text = printable(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def matrix_junit(result: MatrixResult) -> str:
    """One test case for each cell: failure, error, or skipped for what is unsupported or a declared deviation."""
    counts = result.counts
    totals = {
        "tests": str(len(result.cells)),
        "failures": str(counts[Outcome.FAILED]),
        "errors": str(counts[Outcome.ERROR]),
        "time": f"{result.duration_seconds:.3f}",
    }
    skipped = str(counts[Outcome.UNSUPPORTED] + counts[Outcome.DEVIATION])
    moment = result.started_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    root = ET.Element("testsuites", {"name": "lso", **totals})
    about = {"name": printable(result.matrix), **totals, "skipped": skipped, "timestamp": moment}
    suite = ET.SubElement(root, "testsuite", about)
    for cell in result.cells:
        suite.append(_case(result, cell))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(result: MatrixResult, cell: Cell) -> ET.Element:
    about = {"classname": printable(result.matrix), "name": printable(cell.id), "time": f"{cell.seconds:.3f}"}
    case = ET.Element("testcase", about)
    if tag := _TAGS.get(cell.outcome):
        outcome = ET.SubElement(case, tag, {"message": printable(f"{cell.outcome}: {cell.message}")})
        if tag != "skipped":
            outcome.set("type", str(cell.outcome))
            outcome.text = printable(f"expected: {cell.expect}\n{cell.message}\nreport: cells/{cell.id}/report.html")
    elif cell.message:
        ET.SubElement(case, "system-out").text = printable(cell.message)
    return case


def badge_svg(result: MatrixResult) -> str:
    """A flat badge: the matrix's name, and how many cells are as expected."""
    expected = sum(cell.outcome.as_expected for cell in result.cells)
    left, right = printable(result.matrix), f"{expected}/{len(result.cells)}"
    colour = "#2e7d32" if result.as_expected else "#c62828"
    one, two = (int(7 * len(text) + 12) for text in (left, right))
    label = escape(f"{left}: {right} as expected")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{one + two}" height="20" role="img" aria-label="{label}">'
        f"<title>{label}</title>"
        f'<rect width="{one + two}" height="20" rx="3" fill="{colour}"/>'
        f'<rect width="{one}" height="20" rx="3" fill="#444"/>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{one / 2}" y="14">{escape(left)}</text><text x="{one + two / 2}" y="14">{right}</text></g></svg>\n'
    )
