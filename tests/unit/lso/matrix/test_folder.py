"""What a matrix keeps in its folder, what it goes on with, and whom it keeps out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lso.jobs.job import JobResult
from lso.matrix.cells import PlannedCell
from lso.matrix.folder import CELLS, claimed, keep, kept, logs
from reports.matrix import Cell, MatrixResult, Outcome

CELL = PlannedCell("x--a", {"pair": "x", "option": "a"}, "passed", "scenario: a\n")


def stored(folder: Path, outcome: Outcome, sha256: str = CELL.sha256) -> Cell:
    cell = Cell(id=CELL.id, place=dict(CELL.place), outcome=outcome, sha256=sha256, bundle=True)
    (folder / CELLS / CELL.id).mkdir(parents=True)
    (folder / CELLS / CELL.id / "cell.json").write_text(cell.model_dump_json(), encoding="utf-8")
    return cell


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.FAILED, Outcome.UNSUPPORTED])
def test_a_cell_that_has_ended_is_gone_on_with(outcome: Outcome, tmp_path: Path) -> None:
    assert kept(CELL, tmp_path) is None
    cell = stored(tmp_path, outcome)
    assert kept(CELL, tmp_path) == cell


@pytest.mark.parametrize(("outcome", "sha256"), [(Outcome.ERROR, CELL.sha256), (Outcome.PASSED, "0" * 64)])
def test_an_error_and_another_scenario_are_run_again(outcome: Outcome, sha256: str, tmp_path: Path) -> None:
    stored(tmp_path, outcome, sha256)
    assert kept(CELL, tmp_path) is None


@pytest.mark.parametrize("bundle", [b"", b"this is no archive"])
def test_a_run_without_a_bundle_that_can_be_read_is_an_error_with_its_words(bundle: bytes, tmp_path: Path) -> None:
    cell = keep(CELL, JobResult(bundle, "x--a: exit code 3: no room\n", "m", 2.5), tmp_path)
    assert (cell.outcome, cell.bundle, cell.machine, cell.seconds) == (Outcome.ERROR, False, "m", 2.5)
    assert cell.message == "x--a: exit code 3: no room" if not bundle else "its bundle cannot be read" in cell.message
    assert kept(CELL, tmp_path) is None


def test_a_folder_is_one_matrix_s_alone(tmp_path: Path) -> None:
    with claimed(tmp_path, afresh=True), pytest.raises(BlockingIOError, match="another matrix"):  # noqa: SIM117
        with claimed(tmp_path, afresh=True):
            pass


def test_cells_of_nobody_knows_whom_are_not_removed(tmp_path: Path) -> None:
    (tmp_path / CELLS).mkdir()
    with pytest.raises(FileExistsError, match="no matrix left it there"), claimed(tmp_path, afresh=True):
        pass
    assert (tmp_path / CELLS).exists()


@pytest.mark.parametrize(("afresh", "left"), [(True, False), (False, True)])
def test_cells_of_an_earlier_matrix_are_kept_when_it_is_gone_on_with(afresh: bool, left: bool, tmp_path: Path) -> None:
    with claimed(tmp_path, afresh=True):
        stored(tmp_path, Outcome.PASSED)
    with claimed(tmp_path, afresh=afresh):
        assert (tmp_path / CELLS).exists() is left


def test_the_logs_next_to_the_verdict_are_shown(tmp_path: Path) -> None:
    cell = stored(tmp_path, Outcome.FAILED)
    for path, lines in {"state/before-removal/a/ipsec.log.txt": 50, "state/end/a/ipsec.log.txt": 1}.items():
        file = tmp_path / CELLS / CELL.id / path
        file.parent.mkdir(parents=True)
        file.write_text("".join(f"line {number}\n" for number in range(lines)), encoding="utf-8")
    result = MatrixResult(matrix="m", started_at=datetime(2026, 1, 1, tzinfo=UTC), axes=(), cells=(cell,))
    shown = logs(result, tmp_path)[CELL.id]
    assert list(shown) == ["state/before-removal/a/ipsec.log.txt"]
    assert shown["state/before-removal/a/ipsec.log.txt"].splitlines()[0] == "line 10"
