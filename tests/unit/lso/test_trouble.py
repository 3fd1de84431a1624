from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

WRONG = (
    "import sys; from lso.__main__ import main; from lso.commands import ls; ls.run = ''.join; sys.exit(main(['ls']))"
)


@pytest.mark.parametrize("folder", ["/dev/null", "/proc/self"])
def test_trouble_is_told_although_there_is_no_room_for_its_details(folder: str) -> None:
    code = WRONG.replace("import sys;", f"import sys, tempfile; tempfile.tempdir = {folder!r};")
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, cwd=Path.cwd())
    first, second = done.stderr.splitlines()
    assert done.returncode == 3
    assert first.startswith("lso: TypeError: ")
    assert second.startswith("     this is the test-bed's own trouble; its details cannot be kept in a file: ")


def test_the_details_of_trouble_are_kept(tmp_path: Path) -> None:
    code = WRONG.replace("import sys;", f"import sys, tempfile; tempfile.tempdir = {str(tmp_path)!r};")
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, cwd=Path.cwd())
    (file,) = tmp_path.iterdir()
    assert done.returncode == 3
    assert done.stderr.endswith(f"details: {file}\n")
    assert "Traceback" not in done.stderr
    assert "Traceback" in file.read_text()
