"""Vary a scenario along axes, run all cells in parallel, and lay out what came out as a grid: docs/matrix.md.

Exit code: 0 every cell is as expected (passed, unsupported, or a declared deviation), 1 one is not, 2 the matrix file,
its scenario or a cell of it is not valid, or the scheduler cannot be reached, 130 it was interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from common.findings import nearest
from lso.exits import BAD_INPUT, FAILED, INTERRUPTED, PASSED, UsageError
from lso.jobs.scheduler import Scheduler, need_dask, positive, scheduler_of
from lso.jobs.scheduler import configure as configure_scheduler
from lso.lasting import lasting
from reports.matrix import MatrixResult
from reports.matrix.console import MatrixConsole
from reports.read import ReportError
from reports.text import count_text
from reports.write import new_folder
from scenarios.file.errors import ScenarioError

if TYPE_CHECKING:
    from lso.matrix.cells import LoadedMatrix
    from lso.matrix.run import RunCells

HELP = "vary a scenario along axes and run all cells, as a grid"
EXAMPLES = """examples:
  lso matrix scenarios/matrix/ipsec.yaml
  lso matrix scenarios/matrix/ipsec.yaml --report grid --only '*--psk'    some of the cells, into grid/
  lso matrix scenarios/matrix/ipsec.yaml --resume grid          go on: cells that have ended are kept
  lso matrix --rejudge grid                          all verdicts again from the bundles, without a lab
  lso matrix scenarios/matrix/ipsec.yaml --labs 1    one lab at a time; other machines: docs/many-machines.md"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("file", metavar="FILE", nargs="?", type=Path, help="a matrix file")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--report", metavar="DIR", type=Path, help="write the report there (default: a new folder in runs/)"
    )
    where.add_argument("--resume", metavar="DIR", type=Path, help="go on in the folder of an earlier run of FILE")
    where.add_argument("--rejudge", metavar="DIR", type=Path, help="judge the cells there again from their bundles")
    parser.add_argument(
        "--only", metavar="ID", action="append", default=[], help="this cell alone, or those of a pattern (repeatable)"
    )
    parser.add_argument(
        "--labs", metavar="N", type=positive, default=os.cpu_count() or 1,
        help="labs at a time on this machine (default: one for each processor, %(default)s)",
    )  # fmt: skip
    parser.add_argument("--public-key", metavar="PEM", type=Path, help="with --rejudge: the key of all bundles")
    parser.add_argument("--json", action="store_true", help="print the result as JSON, progress on standard error")
    configure_scheduler(parser)


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    if options.rejudge:
        return _rejudge(options)
    if not options.file:
        raise UsageError("give a matrix file, or --rejudge DIR")
    if options.public_key:
        raise UsageError("--public-key is for --rejudge")
    if options.resume and not options.resume.is_dir():
        raise UsageError(f"--resume {options.resume}: there is no such folder")
    scheduler = scheduler_of(options)
    loaded = _load(options.file, options.only)
    if loaded is None:
        return BAD_INPUT
    from lso.matrix.run import run_matrix  # noqa: PLC0415  (verbs and Dask cost a second)

    stream = sys.stderr if options.json else sys.stdout
    console = MatrixConsole(lasting(stream))
    with ExitStack() as held:
        directory = _folder(options, loaded.file.matrix, held)
        run_cells = _runner(scheduler, options.labs)
        result = run_matrix(loaded, directory, run_cells, console, f"lso matrix {options.file}")
    return _ended(options, result)


def _load(file: Path, only: list[str]) -> LoadedMatrix | None:
    """Return the matrix with the cells that are asked for, None after all findings were printed."""
    from dataclasses import replace  # noqa: PLC0415

    from lso.matrix.cells import load_matrix  # noqa: PLC0415

    try:
        loaded = load_matrix(file)
    except ScenarioError as error:
        for finding in error.findings:
            print(finding, file=sys.stderr)
        print(f"lso: {count_text(len(error.findings), 'finding')}, nothing was started", file=sys.stderr)
        return None
    for pattern in only:
        if not any(fnmatchcase(cell.id, pattern) for cell in loaded.cells):
            raise UsageError(f"--only {pattern}: no such cell. {nearest(pattern, [cell.id for cell in loaded.cells])}")
    chosen = tuple(cell for cell in loaded.cells if not only or any(fnmatchcase(cell.id, pattern) for pattern in only))
    return replace(loaded, cells=chosen)


def _runner(scheduler: Scheduler | None, labs: int) -> RunCells:
    need_dask()
    from lso.jobs.cluster import run_jobs  # noqa: PLC0415

    return lambda cells, ended: run_jobs(cells, scheduler, labs, ended)


def _folder(options: argparse.Namespace, name: str, held: ExitStack) -> Path:
    """Return the folder for the report, which nobody else writes to until *held* is closed."""
    from lso.matrix.folder import claimed  # noqa: PLC0415

    wanted = options.resume or options.report
    try:
        folder = wanted or new_folder(Path("runs") / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{name}")
        held.enter_context(claimed(folder, afresh=not options.resume))
    except OSError as error:
        where, why = error.filename or wanted, error.strerror or str(error)
        raise UsageError(f"the report cannot be written: {where}: {why}") from error
    return folder


def _ended(options: argparse.Namespace, result: MatrixResult) -> int:
    if options.json:
        print(result.model_dump_json(indent=2), file=lasting(sys.stdout))
    if not result.complete:
        return INTERRUPTED
    return PASSED if result.as_expected else FAILED


def _rejudge(options: argparse.Namespace) -> int:
    from lso.bundles.errors import BundleError  # noqa: PLC0415
    from lso.bundles.keys import public_key  # noqa: PLC0415
    from lso.matrix.folder import read_matrix  # noqa: PLC0415
    from lso.matrix.rejudge import rejudged  # noqa: PLC0415

    if options.file:
        raise UsageError("--rejudge takes no matrix file: all it needs is in its folder")
    try:
        key = public_key(options.public_key) if options.public_key else None
        told = read_matrix(options.rejudge)
    except (ReportError, BundleError) as error:
        raise UsageError(str(error)) from error
    again = {cell.id: cell for cell in told.cells}
    console = MatrixConsole(lasting(sys.stderr if options.json else sys.stdout))
    same = count = 0
    for before, after in rejudged(told, options.rejudge, key):
        count, again[after.id] = count + 1, after
        if (before.outcome, before.message) == (after.outcome, after.message):
            same += 1
        else:
            console.say(f"{before.id}: {before.outcome} was told, its bundle leads to {after.outcome}: {after.message}")
    result = told.model_copy(update={"cells": tuple(again.values())})
    console.summary(result, options.rejudge)
    console.say(f"judged again from bundles: {count_text(count, 'cell')}, {same} with the same outcome and message")
    code = _ended(options, result)
    return code if same == count else FAILED
