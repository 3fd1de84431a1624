"""Where `lso serve` takes the URL of its database from: a password on the command line is seen by everybody."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lso.__main__ import main

ROOT = Path(__file__).parents[4]
URL = "postgresql+psycopg://lso:xyzzy@127.0.0.1:9/lso"
UNREACHABLE = "cannot open the database"


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    file = tmp_path / "inventory.json"
    file.write_text('{"ucpes": [], "unis": []}', encoding="utf-8")
    return file


def test_by_a_file(inventory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "url"
    file.write_text(f"{URL}\n", encoding="utf-8")
    assert main(["serve", "--inventory", str(inventory), "--database-from", str(file), "--port", "0"]) == 2
    said = capsys.readouterr().err
    assert UNREACHABLE in said
    assert "xyzzy" not in said


def test_by_the_environment(
    inventory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LSO_DATABASE", URL)
    assert main(["serve", "--inventory", str(inventory), "--port", "0"]) == 2
    said = capsys.readouterr().err
    assert UNREACHABLE in said
    assert "xyzzy" not in said


@pytest.mark.parametrize("url", [URL, "postgresql+psycopg://127.0.0.1:9/lso?user=lso&password=xyzzy"])
def test_on_the_command_line_a_password_is_warned_of(
    inventory: Path, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    assert main(["serve", "--inventory", str(inventory), "--database", url, "--port", "0"]) == 2
    said = capsys.readouterr().err
    assert "can be seen by everybody on this machine" in said
    assert "xyzzy" not in said


def test_without_a_password_nothing_is_said(inventory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = "postgresql+psycopg://lso@127.0.0.1:9/lso?connect_timeout=1"
    assert main(["serve", "--inventory", str(inventory), "--database", url, "--port", "0"]) == 2
    assert "can be seen" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), ("", "write one URL"), ("a b", "write one URL"), (b"\xff", "not text")],
)
def test_files_that_have_no_url(
    inventory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | bytes | None, reason: str
) -> None:
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main(["serve", "--inventory", str(inventory), "--database-from", str(file), "--port", "0"]) == 2
    assert reason in capsys.readouterr().err


def test_the_processes_of_a_server_do_not_show_it(inventory: Path, tmp_path: Path) -> None:
    """The orchestrator's process gets the URL as well, and not by its command line."""
    file, database = tmp_path / "url", tmp_path / "xyzzy.db"
    file.write_text(f"sqlite:///{database}", encoding="utf-8")
    command = [sys.executable, "-m", "lso", "serve", "--inventory", str(inventory)]
    command += ["--database-from", str(file), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout
            assert process.stdout.readline().startswith("serving ")
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (process.pid, *children)]
        finally:
            process.terminate()
    assert database.exists()
    assert not any(b"xyzzy" in line for line in lines)
