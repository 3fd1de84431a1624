"""What `lso matrix` shows: each cell as it ends, then the grid, and where the report is."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from rich.console import Console as RichConsole
from rich.table import Table
from rich.text import Text

from reports.console import plain_table
from reports.matrix.model import Cell, MatrixResult, Outcome
from reports.text import duration_text, printable

_STYLE = {
    Outcome.PASSED: "green",
    Outcome.FAILED: "bold red",
    Outcome.ERROR: "bold yellow",
    Outcome.UNSUPPORTED: "dim",
    Outcome.DEVIATION: "cyan",
}
_UNCUT = 100_000


class MatrixConsole:
    """Writes the progress of a matrix to a stream."""

    def __init__(self, stream: TextIO) -> None:
        width = None if stream.isatty() else _UNCUT
        self._rich = RichConsole(file=stream, width=width, highlight=False, markup=False, emoji=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """A line as it is."""
        self._rich.print(Text(printable(text)))

    def on_cell(self, cell: Cell, done: int, total: int) -> None:
        """A cell has ended."""
        head = (f"{done:>3}/{total}  ", "dim"), (f"{cell.outcome:<11}", _STYLE[cell.outcome]), f"  {cell.id}  "
        self._rich.print(Text.assemble(*head, (duration_text(cell.seconds), "dim"), f"  {printable(cell.message)}"))

    def summary(self, result: MatrixResult, directory: Path) -> None:
        """The end: the grid, how many cells are as expected, and where the report is."""
        self._rich.print()
        self._rich.print(_grid(result))
        self._rich.print()
        style = "green" if result.as_expected else "bold red"
        self._rich.print(Text(f"{result.headline} in {duration_text(result.duration_seconds)}", style))
        self._rich.print(Text(f"report: {directory / 'matrix.html'}"))


def _grid(result: MatrixResult) -> Table:
    columns = result.axes[-1].values
    table = plain_table(" × ".join(axis.id for axis in result.axes[:-1]), *(value.id for value in columns))
    for row in result.rows:
        cells = [result.cell((*row, value)) for value in columns]
        words = [Text(cell.outcome, _STYLE[cell.outcome]) if cell else Text("–") for cell in cells]
        table.add_row(" ".join(value.id for value in row), *words)
    return table
