"""How a run ends when somebody interferes: the report of what was judged so far, the right exit code, no lab left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from lso.__main__ import main
from lso.api import api_server
from lso.exits import BAD_INPUT, INTERRUPTED, PASSED
from reports.model import Verdict
from reports.read import load_run
from testbed.ownership import lease

ROOT = Path(__file__).parents[2]
POC = ROOT / "scenarios" / "poc-two-sites"
LSO = [sys.executable, "-m", "lso"]


@pytest.mark.parametrize(
    ("number", "line"), [(signal.SIGTERM, "Site A reaches site B"), (signal.SIGINT, "start the lab")]
)
def test_an_interrupted_run_leaves_its_report_and_no_lab(number: signal.Signals, line: str, tmp_path: Path) -> None:
    # A shell that runs the tests in the background has them ignore SIGINT.
    command = ["env", "--default-signal=INT", *LSO, "run", str(POC), "--report", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        for written in run.stdout:
            if line in written:
                break
        run.send_signal(number)
        run.stdout.read()
        assert run.wait(timeout=60) == INTERRUPTED
    result = load_run(tmp_path)
    judged = [step for step in result.steps if step.verdict is not Verdict.SKIPPED]
    assert (result.ending, result.verdict) == ("interrupted", Verdict.ERROR)
    assert result.error == f"the run was interrupted when {len(judged)} of 18 steps had a verdict"
    assert len(result.steps) == 18  # with those that each run has
    assert (len(judged) >= 3) == (line != "start the lab")
    assert "The run was interrupted" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert 'errors="1"' in (tmp_path / "junit.xml").read_text(encoding="utf-8")
    assert result.lab.startswith("poc-two-sites-")
    assert not (lease.LABS / result.lab).exists()


def test_a_reader_that_has_seen_enough_does_not_change_the_end(tmp_path: Path) -> None:
    command = [*LSO, "run", str(POC), "--until", "POC-01", "--report", str(tmp_path)]
    reader, writer = os.pipe()
    with subprocess.Popen(command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True) as run:
        os.close(writer)
        os.read(reader, 1)
        os.close(reader)
        _, complaint = run.communicate(timeout=180)
    assert (run.returncode, complaint) == (PASSED, "")
    assert load_run(tmp_path).verdict is Verdict.PASSED


def test_an_order_that_only_the_api_can_refuse_is_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def with_a_locked_uni(inventory: Path, database: Path, scenario: Any) -> Iterator[str]:
        with api_server(inventory, database, scenario) as url:
            locked = {"input": {"sip-id-or-name": "site-a-lan0", "state": "LOCKED"}}
            httpx.post(f"{url}/restconf/operations/update-service-interface-point", json=locked).raise_for_status()
            yield url

    monkeypatch.setattr("lso.commands.run.api_server", with_a_locked_uni)
    assert main(["run", str(POC), "--report", str(tmp_path), "--json"]) == BAD_INPUT
    result = json.loads(capsys.readouterr().out)
    assert (result["ending"], result["verdict"], result["steps"]) == ("refused", "error", [])
    assert "UNI site-a-lan0 is administratively locked" in result["error"]
    assert not (lease.LABS / result["lab"]).exists()


def test_an_order_that_the_api_would_refuse_starts_nothing(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text((POC / "scenario.yaml").read_text().replace("DPORT: 80}", "DPORT: 99999}"))
    command = [*LSO, "run", str(scenario), "--report", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == BAD_INPUT, done.stderr
    assert "99999" in done.stderr
    assert "nothing was started" in done.stderr
