"""What the runs of a matrix found, cell by cell. `matrix.json` holds it. Times are seconds."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from itertools import product
from typing import Literal

from pydantic import AwareDatetime, Field

from reports.model import Seconds
from reports.topology import Record

SCHEMA_VERSION: Literal["1"] = "1"
Expectation = Literal["passed", "fails-to-connect"]


class Outcome(StrEnum):
    """What became of a cell. *Unsupported* is what a product declares that it cannot, *error* the test-bed's trouble.

    A *deviation* is a failure that the matrix file declares, with its reason.
    """

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    UNSUPPORTED = "unsupported"
    DEVIATION = "deviation"

    @property
    def as_expected(self) -> bool:
        """Whether nobody has to look at it."""
        return self not in (Outcome.FAILED, Outcome.ERROR)


class AxisValue(Record):
    """One value of an axis; cells with it are expected to do as `expect` says."""

    id: str
    title: str = ""
    expect: Expectation = "passed"


class Axis(Record):
    """What is varied, and its values."""

    id: str
    title: str = ""
    values: tuple[AxisValue, ...]


class Deviation(Record):
    """Cells that may fail, by a pattern for each axis, such as `*-b` (shell patterns), and why."""

    cells: dict[str, str]
    reason: str


class Cell(Record):
    """One run. `place` has the value of each axis; `message` says in one line what came out.

    `machine` is where it ran, `signed_by` the fingerprint of the key of its bundle, which is `cells/ID/bundle.zip`
    where there is one. `sha256` is that of its scenario, which `--resume` compares.
    """

    id: str
    place: dict[str, str]
    expect: Expectation = "passed"
    outcome: Outcome
    message: str = ""
    seconds: Seconds = 0
    run_id: str = ""
    machine: str = ""
    signed_by: str = ""
    sha256: str = ""
    bundle: bool = Field(default=False, description="whether there is a report and a proof bundle")


class MatrixResult(Record):
    """A whole matrix; not `complete` when it was interrupted: then cells are missing."""

    schema_version: Literal["1"] = SCHEMA_VERSION
    matrix: str
    title: str = ""
    started_at: AwareDatetime
    duration_seconds: Seconds = 0
    command: str = ""
    complete: bool = True
    axes: tuple[Axis, ...]
    deviations: tuple[Deviation, ...] = ()
    cells: tuple[Cell, ...] = ()

    @property
    def counts(self) -> Counter[Outcome]:
        """How many cells came to each outcome."""
        return Counter(cell.outcome for cell in self.cells)

    @property
    def as_expected(self) -> bool:
        """Whether every cell was run, and none failed but for declared reasons."""
        return self.complete and all(cell.outcome.as_expected for cell in self.cells)

    @property
    def rows(self) -> tuple[tuple[AxisValue, ...], ...]:
        """The values of all axes but the last, combined: the rows of a grid whose columns are the last axis's."""
        return tuple(product(*(axis.values for axis in self.axes[:-1])))

    def cell(self, values: tuple[AxisValue, ...]) -> Cell | None:
        """The cell of these values, one of each axis; None when it was not run."""
        wanted = {axis.id: value.id for axis, value in zip(self.axes, values, strict=True)}
        return next((cell for cell in self.cells if cell.place == wanted), None)

    @property
    def headline(self) -> str:
        """What came out, in a few words."""
        expected = sum(cell.outcome.as_expected for cell in self.cells)
        told = ", ".join(f"{self.counts[outcome]} {outcome}" for outcome in Outcome if self.counts[outcome])
        ended = "" if self.complete else "interrupted: "
        return f"{ended}{expected} of {len(self.cells)} as expected ({told or 'nothing was run'})"
