"""Several workers: who has which tests, who has the machine alone, and how they end when they are interrupted."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ..workers import ORDER, TOGETHER

TESTS = Path(__file__).parents[1]
HOOKS = """
import os
import pytest
from .workers import (
    pytest_collection_modifyitems, pytest_runtest_protocol, pytest_sessionfinish, pytest_xdist_auto_num_workers,
    pytest_xdist_make_scheduler,
)
"""
STEPS = """
import os, pytest, time

def note(text):
    with open("notes", "a") as file:
        file.write(f"{text}\\n")
"""
SHORT = """
@pytest.mark.parametrize("number", range(%d))
def test_with_a_lab(number):
    note("begin")
    time.sleep(0.05)
    note("end")
"""
ALONE = """
@pytest.mark.alone
def test_alone():
    note("alone")
    time.sleep(0.5)
    note("not alone any more")
"""
STANDING = """
@pytest.fixture(scope="session")
def lab():
    yield
    time.sleep(1)
    note("taken down")

def test_at_work(lab):
    note("at work")
    time.sleep(600)
"""


class Project:
    """Tests of another project, shared out as ours are."""

    def __init__(self, folder: Path, **files: str) -> None:
        self.folder = folder
        for layer in ("e2e", "integration", "unit"):
            (folder / "tests" / layer).mkdir(parents=True)
        shutil.copy(TESTS / "workers.py", folder / "tests")
        self._write("pytest.ini", "[pytest]\naddopts = --import-mode=importlib\nmarkers = alone\n")
        self._write("tests/conftest.py", HOOKS)
        for name, text in files.items():
            self._write(f"tests/{name.replace('__', '/')}.py", STEPS + text)

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "pytest", "--numprocesses=2"]
        left_out = ("PYTEST_", "COV_")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
        return subprocess.Popen(
            command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def notes(self) -> list[str]:
        notes = self.folder / "notes"
        return notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []


def test_who_is_alone_has_nobody_beside(tmp_path: Path) -> None:
    files = {"integration__test_long": SHORT % 40, "integration__test_short": SHORT % 2, "e2e__test_endurance": ALONE}
    project = Project(tmp_path, **files)
    with project.start() as running:
        out, _ = running.communicate(timeout=120)
    assert running.returncode == 0, out
    assert re.search(r"^=+ 43 passed in .*=$", out.splitlines()[-1]), "the last line is the count"
    notes = project.notes()
    start = notes.index("alone")
    assert notes[start + 1] == "not alone any more"
    assert notes[:start].count("begin") == notes[:start].count("end") < 42, "it was not the last either"


def test_interrupted_workers_take_down_what_stands(tmp_path: Path) -> None:
    """Longer than xdist would let them."""
    hasty = "\nimport xdist.workermanage\nxdist.workermanage.NodeManager.EXIT_TIMEOUT = 0.1\n"
    project = Project(tmp_path, integration__test_a=STANDING, integration__test_b=STANDING)
    (tmp_path / "tests" / "conftest.py").write_text(HOOKS + hasty, encoding="utf-8")
    with project.start() as running:
        deadline = time.monotonic() + 120
        while project.notes().count("at work") < 2:
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGINT)
        running.communicate(timeout=120)
    assert running.returncode == pytest.ExitCode.INTERRUPTED
    assert project.notes()[2:] == ["taken down"] * 2


def test_the_groups_are_of_tests_that_there_are() -> None:
    names = [str(path.relative_to(TESTS.parent)) for path in TESTS.rglob("test_*.py")]
    assert [start for start in ORDER if not any(re.match(start, name) for name in names)] == []


def test_the_networks_of_mininet_are_one_group() -> None:
    """Their switches, interfaces and containers have the same names on the machine."""
    found = [path for path in TESTS.glob("integration/**/test_*.py") if "Containernet" in path.read_text("utf-8")]
    names = [str(path.relative_to(TESTS.parent)) for path in found]
    assert names
    assert [name for name in names if not re.match(TOGETHER[0], name)] == []
