from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from reports.read import ReportError, latest_run, load_run
from reports.write import write_report

from .report_samples import SAMPLES, sample


def test_a_folder_or_its_file(tmp_path: Path) -> None:
    write_report(sample("failed"), tmp_path)
    assert load_run(tmp_path) == load_run(tmp_path / "result.json") == sample("failed")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "result.json:1:1: not JSON"),
        ('{"schema_version": "1",}', "result.json:1:24: not JSON"),
        ("[" + "9" * 5000 + "]", "result.json: not JSON: a number of 5000 characters is too long"),
        ("[]", "is not a run's result: it has no schema_version"),
        ('{"tests": 3}', "is not a run's result"),
        ('{"schema_version": "9"}', "has schema version '9'; this program reads version '1'"),
        ("\udcff", "cannot be read"),
    ],
)
def test_files_that_are_no_result(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "result.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ReportError) as caught:
        load_run(tmp_path)
    assert words in str(caught.value)


def test_all_findings_are_told_with_their_places(tmp_path: Path) -> None:
    content = json.loads(SAMPLES["passed"].read_text(encoding="utf-8"))
    content["steps"][2]["verdict"] = "green"
    content["phases"][0]["duration_seconds"] = -1
    (tmp_path / "result.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ReportError) as caught:
        load_run(tmp_path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert "result.json: phases.0.duration_seconds: " in lines[0]
    assert "result.json: steps.2.verdict: " in lines[1]


def test_missing_folder_and_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="does not exist"):
        load_run(tmp_path / "none")
    with pytest.raises(ReportError, match=r"holds no result\.json"):
        load_run(tmp_path)


def test_latest_run(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="holds no run"):
        latest_run(tmp_path)
    for age, name in ((10, "b-new"), (20, "a-old"), (30, "c-oldest")):
        file = write_report(sample("passed"), tmp_path / name).result
        os.utime(file, (1_700_000_000 - age, 1_700_000_000 - age))
    (tmp_path / "d-unfinished").mkdir()
    assert latest_run(tmp_path) == tmp_path / "b-new"
