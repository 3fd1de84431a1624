"""``lso run --parallel``: what it refuses, where a worker has the file, and what comes of a run that sent no report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lso.jobs.job import JobResult
from lso.parallel import ScenarioJob, brought
from lso.scenario_files import load
from reports.model import Verdict

POC = Path(__file__).parents[3] / "scenarios" / "poc-two-sites" / "scenario.yaml"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["--parallel", "2", "--keep"],
            "lso: --keep, --until, --pause-on-failure and --prove do not go with --parallel",
        ),
        (["--parallel", "2", "--until", "POC-01"], "lso: --keep, --until, --pause-on-failure and --prove do not go"),
        (["--parallel", "2", "--prove"], "lso: --keep, --until, --pause-on-failure and --prove do not go"),
        (["--scheduler", "tcp://h:1"], "lso: --scheduler tcp://h:1: tls://HOST:PORT alone"),
        (["--tls-ca", "x"], "lso: --tls-ca, --tls-certificate and --tls-key are for --scheduler"),
    ],
)
def test_arguments_that_cannot_be(lso: Any, arguments: list[str], told: str) -> None:
    ran = lso("run", str(POC), *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(told)


def test_a_number_of_labs_is_one(lso: Any) -> None:
    ran = lso("run", str(POC), "--parallel", "0")
    assert ran.code == 2
    assert "'0' is no number from 1 to 999" in ran.err


def job(folder: Path, path: Path = POC) -> ScenarioJob:
    return ScenarioJob(load(path), folder)


def test_a_result_names_the_file_as_a_sequential_run_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(POC.parents[1])
    assert job(tmp_path, Path("poc-two-sites")).path == "poc-two-sites/scenario.yaml"
    assert job(tmp_path, Path("../scenarios/poc-two-sites")).path == "scenario.yaml", "nothing outside of its folder"
    assert job(tmp_path, POC).path == "scenario.yaml"


@pytest.mark.parametrize(
    ("ran", "error"),
    [
        (JobResult(b"", "poc: exit code 3: no room\n", "m", 2.5), "poc: exit code 3: no room"),
        (JobResult(b"no archive", "", "m", 2.5), "what the worker sent cannot be read: "),
        (RuntimeError("three workers were lost"), "RuntimeError: three workers were lost"),
    ],
)
def test_a_run_that_sent_no_report_is_an_error_of_the_test_bed(
    ran: JobResult | BaseException, error: str, tmp_path: Path
) -> None:
    result = brought(job(tmp_path), ran)
    assert (result.verdict, result.scenario.path) == (Verdict.ERROR, str(POC))
    assert result.error.startswith(error)
    assert not list(tmp_path.iterdir())
