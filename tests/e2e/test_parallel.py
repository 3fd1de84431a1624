"""Two scenarios beside each other: a worker is killed when it has a lab, and the result is that of a sequential run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from common.yaml_reader import read_yaml
from common.yaml_writer import write_yaml
from lso.exits import PASSED
from testbed.ownership import reap, scratch
from testbed.polling import poll

ROOT = Path(__file__).parents[2]
BASE = ROOT / "scenarios" / "matrix" / "two-sites.yaml"
NAMES = ("parallel-one", "parallel-two")


def test_a_scenario_of_a_killed_worker_is_run_again(tmp_path: Path) -> None:
    base = read_yaml(BASE.read_bytes()).data
    steps = [step for step in base["steps"] if step["id"] in ("active", "established", "removed")]
    for name in NAMES:
        (tmp_path / f"{name}.yaml").write_text(write_yaml({**base, "scenario": name, "steps": steps}), encoding="utf-8")
    command = [sys.executable, "-m", "lso", "run", *(f"{name}.yaml" for name in NAMES), "--report", "out"]
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    with (tmp_path / "told.txt").open("w") as told:
        running = subprocess.Popen([*command, "--parallel", "2"], cwd=tmp_path, env=environment, stdout=told)
    assert poll(lambda: any(_workers(running.pid)), 300, 0.2), "no run ever began"
    next(_workers(running.pid)).send_signal(signal.SIGKILL)
    assert running.wait(900) == PASSED
    for name in NAMES:
        result = json.loads((tmp_path / "out" / name / "result.json").read_text(encoding="utf-8"))
        assert (result["verdict"], result["scenario"]["path"]) == ("passed", f"{name}.yaml")
        assert {path.name for path in (tmp_path / "out" / name).iterdir()} >= {"junit.xml", "report.html", "evidence"}
    assert "2 of 2 scenarios: 2 passed" in (tmp_path / "told.txt").read_text(encoding="utf-8")
    assert [item for item in reap.orphans() if any(name in str(item) for name in NAMES)] == []
    assert [folder for folder in scratch.dead() if any((folder / "work").glob("parallel-*"))] == []


def _workers(parent: int) -> Iterator[psutil.Process]:
    """Yield the workers that have a run under way whose lab is there."""
    for run in psutil.Process(parent).children(recursive=True):
        if "--bundle" in _command(run) and _has_lab(run):
            yield run.parent()


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _has_lab(run: psutil.Process) -> bool:
    try:
        return "start the lab" in (Path(run.cwd()).parent / "words.txt").read_text(encoding="utf-8")
    except (OSError, psutil.Error):
        return False
