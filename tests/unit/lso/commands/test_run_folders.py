"""Where `lso run` writes its reports: a folder each, writable before anything starts, without old evidence."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from lso.__main__ import main
from lso.commands.run import _folders
from lso.exits import BAD_INPUT, UsageError
from lso.lasting import lasting
from reports.write import new_folder, prepare

ROOT = Path(__file__).parents[4]
POC = str(ROOT / "scenarios" / "poc-two-sites")
OTHER_RUN = """
import sys, time
from pathlib import Path
from reports.write import prepare
with prepare(Path(sys.argv[1])):
    print("has it", flush=True)
    time.sleep(600)
"""


def folders_of_a_run(report: Path | None, names: Sequence[str]) -> list[Path]:
    """The folders of a run that has ended."""
    with ExitStack() as held:
        return _folders(report, names, held)


def test_runs_of_one_moment_have_a_folder_each(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(new_folder, [tmp_path / "runs" / "20260101-120000-poc"] * 16))
    assert len(set(folders)) == 16
    assert all(folder.is_dir() for folder in folders)


def test_scenarios_with_one_id_have_a_report_each(tmp_path: Path) -> None:
    folders = folders_of_a_run(tmp_path / "out", ["poc", "poc", "web", "poc"])
    assert [folder.name for folder in folders] == ["poc", "poc-2", "web", "poc-3"]
    assert folders_of_a_run(tmp_path / "out", ["poc", "poc", "web", "poc"]) == folders, "the next run writes over them"
    assert folders_of_a_run(tmp_path / "one", ["poc"]) == [tmp_path / "one"]


def test_new_folders_without_a_name_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders = [*folders_of_a_run(None, ["poc", "poc"]), *folders_of_a_run(None, ["poc"])]
    assert len(set(folders)) == 3


def test_nothing_of_an_earlier_run_is_left(tmp_path: Path) -> None:
    with prepare(tmp_path):
        pass
    (tmp_path / "evidence" / "POC-05").mkdir(parents=True)
    for name in ("evidence/POC-05/old.pcap", "result.json", "junit.xml", "report.html", "trouble.txt", "mine.txt"):
        (tmp_path / name).write_text("old")
    with prepare(tmp_path):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lso-run", "mine.txt"]


def test_evidence_that_no_run_left_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "case.pcap").write_text("somebody's")
    with pytest.raises(UsageError, match="evidence: no run left it there: remove it or name another folder"):
        folders_of_a_run(tmp_path, ["poc"])
    assert (tmp_path / "evidence" / "case.pcap").exists()


def test_a_folder_that_another_run_has_is_refused(tmp_path: Path) -> None:
    with folder_of_another_run(tmp_path / "poc") as other:
        (tmp_path / "poc" / "evidence").mkdir()
        refused = "poc: another run writes its report there: wait for its end or name another folder"
        for names in (["poc"], ["web", "poc"]):
            with pytest.raises(UsageError, match=refused):
                folders_of_a_run(tmp_path / "poc" if len(names) == 1 else tmp_path, names)
        assert (tmp_path / "poc" / "evidence").exists(), "nothing of the other's is touched"
        assert main(["run", POC, "--report", str(tmp_path / "poc")]) == BAD_INPUT
        other.kill()
        other.wait()
        assert folders_of_a_run(tmp_path / "poc", ["poc"]) == [tmp_path / "poc"], "a dead owner has nothing"
    assert not (tmp_path / "poc" / "evidence").exists()


@contextmanager
def folder_of_another_run(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has begun a run in the folder."""
    with subprocess.Popen([sys.executable, "-c", OTHER_RUN, folder], cwd=ROOT, stdout=subprocess.PIPE, text=True) as it:
        assert it.stdout is not None
        try:
            assert it.stdout.readline() == "has it\n"
            yield it
        finally:
            it.kill()


@pytest.mark.parametrize(
    ("report", "file"),
    [("file", "file"), ("file/deep", "file"), ("/dev/null", "/dev/null"), ("/dev/null/a/b", "/dev/null")],
)
def test_a_file_in_the_place_of_the_folder_is_named(
    report: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("no folder")
    with pytest.raises(UsageError, match=f"^the report cannot be written: {file}: is a file, not a folder$"):
        folders_of_a_run(Path(report), ["poc"])


@pytest.mark.parametrize("report", ["/dev/null", "/dev/null/deep", "/proc/none", "file"])
def test_a_report_that_cannot_be_written_is_noticed_before_the_run(
    report: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("no folder")
    assert main(["run", POC, "--report", report]) == BAD_INPUT
    captured = capsys.readouterr()
    assert captured.err.startswith("lso: the report cannot be written: ")
    assert captured.out == ""


def test_a_reader_that_goes_away_changes_nothing() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        output = lasting(stream)
        assert output.write("seen\n") == 5
        assert os.read(reader, 100) == b"seen\n"
        os.close(reader)
        for _ in range(3):
            assert output.write("x" * 100_000) == 100_000
        output.flush()
        print("and so on", file=output)
