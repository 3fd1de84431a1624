"""Folders of scenarios, the version, and what is printed where no terminal is."""

from __future__ import annotations

import importlib.metadata
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lso.commands import ls
from scenarios.find import find
from testbed.ownership.resources import Resource

ROOT = Path(__file__).parents[3]
POC = ROOT / "scenarios" / "poc-two-sites" / "scenario.yaml"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two scenarios at different depths, one that is hidden, and folders and files that are none."""
    for name in ("b", "a/deep", ".hidden", "empty"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("b", "a/deep", ".hidden"):
        shutil.copy(POC, tmp_path / name)
    (tmp_path / "b" / "notes.py").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("given", "found"),
    [(".", ["a/deep", "b"]), ("a", ["a/deep"]), ("b", ["b"]), ("b/scenario.yaml", ["b/scenario.yaml"])],
)
def test_a_folder_stands_for_all_scenarios_below_it(tree: Path, given: str, found: list[str]) -> None:
    assert find(tree / given) == [tree / name for name in found]


@pytest.mark.parametrize("given", ["empty", "nothing", "b/notes.py"])
def test_where_no_scenario_is_the_path_itself_is_told(lso: Any, tree: Path, given: str) -> None:
    assert find(tree / given) == [tree / given]
    for verb in ("run", "validate"):
        ran = lso(verb, str(tree / given))
        assert ran.code == 2
        assert str(tree / given) in ran.err


def test_all_scenarios_of_the_project_are_valid(lso: Any) -> None:
    ran = lso("validate", str(ROOT / "scenarios"))
    assert (ran.code, ran.out, ran.err) == (0, "no findings\n", "")
    assert len(find(ROOT / "scenarios")) > 1


def test_the_findings_of_all_scenarios_below_a_folder_are_told(lso: Any, tree: Path) -> None:
    for name in ("b", "a/deep"):
        (tree / name / "scenario.yaml").write_text("scenario: x\n", encoding="utf-8")
    for verb in ("run", "validate"):
        ran = lso(verb, str(tree))
        assert ran.code == 2
        assert all(f"{name}/scenario.yaml:1:1" in ran.err for name in ("b", "a/deep"))


@pytest.mark.parametrize(("content", "told"), [("", "1 finding"), ("scenario: x\n", " findings")])
def test_one_finding_is_not_findings(lso: Any, tmp_path: Path, content: str, told: str) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(content, encoding="utf-8")
    assert lso("validate", str(file)).out.endswith(f"{told}\n")
    assert f"{told}, nothing was started\n" in lso("run", str(file)).err


def test_the_version(lso: Any) -> None:
    ran = lso("--version")
    assert (ran.code, ran.out) == (0, f"lso {importlib.metadata.version('lso-testbed')}\n")


LONG = ", ".join(f"a-site-with-a-long-name-{number}" for number in range(40))
ORPHANS = (Resource("container", LONG, "lab"),)
PATCHED = f"""
import sys
from lso.__main__ import main
from lso.commands import ls
from testbed.ownership.resources import Resource
ls.orphans = lambda: (Resource("container", {LONG!r}, "lab"),)
"""


def test_a_table_that_no_terminal_shows_is_not_cut(lso: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ls, "orphans", lambda: ORPHANS)
    heading, row = lso("ls", "--orphans").out.splitlines()
    assert heading.split() == ["kind", "name", "lab"]
    assert row.split() == ["container", *LONG.split(), "lab"]


def test_the_same_table_fits_a_terminal() -> None:
    """It is folded there, because a terminal would break the lines anywhere."""
    program = PATCHED + "sys.exit(main(['ls', '--orphans']))"
    ours, theirs = pty.openpty()
    run = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=theirs, env={**os.environ, "COLUMNS": "100"}
    )
    os.close(theirs)
    shown = b""
    while chunk := _read(ours):
        shown += chunk
    os.close(ours)
    assert run.wait(30) == 0
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).splitlines()
    assert len(lines) > 5
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize(
    "verb", [["ls", "--orphans"], ["ls", "--orphans", "--json"], ["--help"], ["--version"]], ids=" ".join
)
def test_a_reader_who_has_seen_enough_changes_no_exit_code(verb: list[str]) -> None:
    program = PATCHED + f"sys.exit(main({verb!r}))"
    ours, theirs = os.pipe()
    os.close(ours)
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, cwd=ROOT, stdout=theirs, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(theirs)
    assert (run.returncode, run.stderr) == (0, b"")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # its other end is closed
        return b""
