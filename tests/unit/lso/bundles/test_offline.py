"""A bundle is verified by a user without rights, without any program, process or network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

NOBODY = 65534
ALONE = """
import sys
sys.path.insert(0, sys.argv[1])
sys.modules["mininet"] = None  # a package of the distribution
def hear(event, arguments):
    if event.startswith(("subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.system", "socket.connect")):
        print(f"it used {event}: {arguments}", file=sys.stderr)
        raise SystemExit(99)
from lso.__main__ import main
sys.addaudithook(hear)
raise SystemExit(main(["bundle", "verify", sys.argv[2]]))
"""


@pytest.fixture
def readable(bundle: Path) -> Iterator[Path]:
    """A copy of the bundle in a folder that everybody may read."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    shutil.copyfile(bundle, folder / "bundle.zip")
    yield folder / "bundle.zip"
    shutil.rmtree(folder)


def test_verified_by_nobody(readable: Path) -> None:
    root = Path(__file__).parents[4]
    if closed := [folder for folder in (root, *root.parents) if not folder.stat().st_mode & 0o001]:
        pytest.skip(f"only its owner may enter {closed[-1]}")
    verified = subprocess.run(
        [sys.executable, "-P", "-c", ALONE, root, readable],
        cwd="/",
        env={"PATH": ""},
        user=NOBODY if os.geteuid() == 0 else None,
        extra_groups=[] if os.geteuid() == 0 else None,
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stderr
    assert re.search(r"from the evidence: (\d+) steps, \1 with the same verdict, checks and message", verified.stdout)
