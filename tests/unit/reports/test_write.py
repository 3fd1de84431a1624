from __future__ import annotations

from pathlib import Path

import pytest

from reports.read import load_run
from reports.write import ReportPaths, write_report

from .report_samples import SAMPLES, sample


@pytest.mark.parametrize("name", SAMPLES)
def test_three_files_and_nothing_else(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "runs" / "one"
    paths = write_report(sample(name), folder)
    assert paths == ReportPaths(folder / "result.json", folder / "junit.xml", folder / "report.html")
    assert sorted(folder.iterdir()) == sorted((paths.result, paths.junit, paths.page))
    assert load_run(folder) == sample(name)


def test_rendering_again_gives_the_same_bytes_and_leaves_evidence_alone(tmp_path: Path) -> None:
    paths = write_report(sample("failed"), tmp_path)
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "a.txt").write_text("kept")
    before = {path: path.read_bytes() for path in (paths.result, paths.junit, paths.page)}
    write_report(load_run(tmp_path), tmp_path)
    assert {path: path.read_bytes() for path in before} == before
    assert (tmp_path / "evidence" / "a.txt").read_text() == "kept"


def test_a_failed_write_keeps_the_old_file_and_no_part(tmp_path: Path) -> None:
    paths = write_report(sample("failed"), tmp_path)
    paths.junit.unlink()
    paths.junit.mkdir()
    (paths.junit / "x").write_text("in the way")
    with pytest.raises(OSError, match="junit"):
        write_report(sample("passed"), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["junit.xml", "report.html", "result.json"]
