"""The folder of a matrix: its report, and below ``cells/`` each run's own folder with its bundle."""

from __future__ import annotations

import errno
import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from lso.bundles.errors import Altered, BundleError
from lso.jobs.job import JobResult, unpacked
from lso.matrix.cells import PlannedCell
from lso.matrix.verdicts import broken, outcome_of
from reports.matrix import Cell, MatrixResult, Outcome
from reports.matrix.write import JSON_NAME
from reports.read import ReportError, load_run
from reports.write import STATE, replace_file

CELLS, CELL_NAME, BUNDLE_NAME, MARKER = "cells", "cell.json", "bundle.zip", ".lso-matrix"
SHOWN_LINES = 40
GATEWAY_LOGS = ("evidence/*/*.log.txt", f"{STATE}/before-removal/*/*.log.txt", f"{STATE}/end/*/*.log.txt")
"""Where runs keep logs; the first that has any is shown."""


@contextmanager
def claimed(directory: Path, *, afresh: bool) -> Iterator[None]:
    """Keep other runs out of the folder *directory*, which is made; *afresh*: nothing of an earlier matrix is left.

    Raises OSError, FileExistsError where there are cells that no matrix left, and BlockingIOError while another has it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    marker, cells = directory / MARKER, directory / CELLS
    if cells.exists() and not marker.exists():
        raise FileExistsError(errno.EEXIST, "no matrix left it there: remove it or name another folder", str(cells))
    with marker.open("a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            told = "another matrix writes its report there: wait for its end or name another folder"
            raise BlockingIOError(error.errno, told, str(directory)) from error
        if afresh:
            shutil.rmtree(cells, ignore_errors=True)
        yield


def keep(cell: PlannedCell, ran: JobResult, directory: Path) -> Cell:
    """Unpack the bundle of a run into its cell's folder and return the cell, before deviations are looked at."""
    folder = directory / CELLS / cell.id
    made = _unpacked(cell, ran, folder) if ran.bundle else broken(cell, ran.words, ran.machine, ran.seconds)
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / CELL_NAME, made.model_dump_json(indent=2) + "\n")
    return made


def _unpacked(cell: PlannedCell, ran: JobResult, folder: Path) -> Cell:
    part = folder.with_name(f".{folder.name}.part")
    for old in (folder, part):
        shutil.rmtree(old, ignore_errors=True)
    try:
        unpacked(ran, part).replace(part / BUNDLE_NAME)
        result = load_run(part)
        part.replace(folder)
    except (Altered, BundleError, ReportError) as error:
        return broken(cell, f"its bundle cannot be read: {error}", ran.machine, ran.seconds)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    outcome, message = outcome_of(result)
    return Cell(
        id=cell.id,
        place=dict(cell.place),
        expect=cell.expect,
        outcome=outcome,
        message=message,
        seconds=ran.seconds,
        run_id=result.run_id,
        machine=ran.machine,
        signed_by=_signer(folder),
        sha256=cell.sha256,
        bundle=True,
    )


def _signer(folder: Path) -> str:
    from lso.bundles.create import PUBLIC_KEY_NAME  # noqa: PLC0415  (cryptography costs a tenth of a second)
    from lso.bundles.keys import fingerprint, public_key  # noqa: PLC0415

    return fingerprint(public_key(folder / PUBLIC_KEY_NAME))


def kept(cell: PlannedCell, directory: Path) -> Cell | None:
    """Return what an earlier run of the matrix kept of the very same cell, unless the test-bed had trouble with it."""
    try:
        found = Cell.model_validate_json((directory / CELLS / cell.id / CELL_NAME).read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None
    return found if found.sha256 == cell.sha256 and found.outcome is not Outcome.ERROR else None


def read_matrix(directory: Path) -> MatrixResult:
    """Return the result that stands in a matrix's folder; raises ``ReportError``."""
    file = directory / JSON_NAME
    try:
        return MatrixResult.model_validate_json(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReportError(f"{file}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ReportError(f"{file} is no matrix's result: {place}: {first['msg']}") from error


def logs(result: MatrixResult, directory: Path) -> dict[str, dict[str, str]]:
    """Return by cell the last lines of the logs that its run kept, by their paths below its folder."""
    return {cell.id: dict(_logs(directory / CELLS / cell.id)) for cell in result.cells if cell.bundle}


def _logs(folder: Path) -> Iterator[tuple[str, str]]:
    for pattern in GATEWAY_LOGS:
        if found := sorted(folder.glob(pattern)):
            for path in found:
                lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-SHOWN_LINES:]
                yield path.relative_to(folder).as_posix(), "\n".join(lines)
            return
