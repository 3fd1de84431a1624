"""Judge the cells of a matrix again from their bundles alone, and compare with what its result says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lso.bundles.errors import BundleError
from lso.bundles.verify import Verification, verify
from lso.matrix.folder import BUNDLE_NAME, CELLS
from lso.matrix.verdicts import judged, outcome_of
from reports.matrix import Cell, MatrixResult, Outcome


def rejudged(result: MatrixResult, directory: Path, key: Ed25519PublicKey | None) -> Iterator[tuple[Cell, Cell]]:
    """Yield each cell of *result* that has a bundle as it was told, and as its bundle leads to.

    A bundle that does not hold, or that *key* has not signed where one is given, makes it an error.
    """
    for cell in result.cells:
        if cell.bundle:
            outcome, message = _judged(directory / CELLS / cell.id / BUNDLE_NAME, cell, key)
            outcome, message = judged(outcome, message, cell.place, result.deviations)
            yield cell, cell.model_copy(update={"outcome": outcome, "message": message})


def _judged(bundle: Path, cell: Cell, key: Ed25519PublicKey | None) -> tuple[Outcome, str]:
    try:
        found = verify(bundle, key)
    except (BundleError, OSError) as error:
        return Outcome.ERROR, str(error)
    if wrong := next(_wrong(found), ""):
        return Outcome.ERROR, f"its bundle does not hold: {wrong}"
    if found.run is None or found.run.run_id != cell.run_id or found.run.scenario.id != cell.id:
        return Outcome.ERROR, "its bundle is that of another run"
    return outcome_of(found.run)


def _wrong(found: Verification) -> Iterator[str]:
    yield from found.findings
    for step in found.steps:
        yield from (f"{step.id}: {difference}" for difference in step.differences)
