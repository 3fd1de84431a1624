"""A matrix from its cells to its report, whatever happens on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from lso.jobs.job import JobResult
from lso.matrix import verdicts
from lso.matrix.cells import LoadedMatrix, PlannedCell
from lso.matrix.folder import keep, kept, logs
from reports.matrix import Cell, MatrixResult, write_matrix_report
from reports.matrix.console import MatrixConsole

RunCells = Callable[[Sequence[PlannedCell], Callable[[PlannedCell, JobResult | BaseException], None]], None]
"""Runs cells, and hands each over as it ends."""


def run_matrix(
    loaded: LoadedMatrix, directory: Path, run_cells: RunCells, console: MatrixConsole, command: str
) -> MatrixResult:
    """Run the cells of *loaded* that *directory* does not have yet, write the report there, and return the result.

    An interruption ends it with a report of the cells that have ended; the result is not complete then.
    """
    start, started_at = time.monotonic(), datetime.now(UTC)
    done: dict[str, Cell] = {}

    def record(cell: Cell) -> None:
        outcome, message = verdicts.judged(cell.outcome, cell.message, cell.place, loaded.deviations)
        done[cell.id] = cell.model_copy(update={"outcome": outcome, "message": message})
        console.on_cell(done[cell.id], len(done), len(loaded.cells))

    def ended(cell: PlannedCell, ran: JobResult | BaseException) -> None:
        if isinstance(ran, JobResult):
            record(keep(cell, ran, directory))
        else:
            record(verdicts.broken(cell, f"{type(ran).__name__}: {ran}"))

    def result(*, complete: bool) -> MatrixResult:
        return MatrixResult(
            matrix=loaded.file.matrix,
            title=loaded.file.title,
            started_at=started_at,
            duration_seconds=round(time.monotonic() - start, 3),
            command=command,
            complete=complete,
            axes=loaded.axes,
            deviations=loaded.deviations,
            cells=tuple(done[cell.id] for cell in loaded.cells if cell.id in done),
        )

    complete = False
    try:
        for cell in loaded.cells:
            if cell.unsupported:
                record(verdicts.unsupported(cell))
            elif found := kept(cell, directory):
                record(found)
        if left := [cell for cell in loaded.cells if cell.id not in done]:
            run_cells(left, ended)
        complete = True
    except KeyboardInterrupt:
        console.say("interrupted: the labs are gone")
    finally:
        outcome = result(complete=complete)
        write_matrix_report(outcome, directory, logs(outcome, directory))
    console.summary(outcome, directory)
    return outcome
