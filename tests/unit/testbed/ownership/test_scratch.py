"""Folders that go with their owners, however these end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from testbed.ownership.scratch import dead, remove_dead, scratch
from testbed.polling import poll

OWNER = """
import os, subprocess, sys
from pathlib import Path
from testbed.ownership.scratch import scratch
with scratch(Path(sys.argv[1])) as held:
    (held.folder / "words.txt").write_text("some")
    nowhere = subprocess.DEVNULL
    child = subprocess.Popen(["sleep", "600"], stdout=nowhere, stderr=nowhere, pass_fds=[held.descriptor])
    print(child.pid, flush=True)
    os.kill(os.getpid(), 9)
"""


def test_a_folder_goes_with_its_block(tmp_path: Path) -> None:
    with scratch(tmp_path) as held:
        assert held.folder.parent == tmp_path
        assert remove_dead(tmp_path) == ()
        assert held.folder.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_owner_left_goes_when_nobody_it_started_holds_it_any_more(tmp_path: Path) -> None:
    owner = subprocess.run([sys.executable, "-c", OWNER, str(tmp_path)], capture_output=True, text=True, check=False)
    child = int(owner.stdout)
    try:
        (folder,) = tmp_path.iterdir()
        assert remove_dead(tmp_path) == (), "the run still writes its report there"
        assert (folder / "words.txt").exists()
    finally:
        os.kill(child, 9)
    assert poll(lambda: dead(tmp_path) == (folder,), 60, 0.01)
    assert remove_dead(tmp_path) == (folder,)
    assert list(tmp_path.iterdir()) == []
