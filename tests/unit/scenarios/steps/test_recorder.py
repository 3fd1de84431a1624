from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.steps.recorder import Recorder


@pytest.mark.parametrize(("looks", "found"), [(1, False), (2, True), (3, True)])
def test_it_looks_so_often_at_least(tmp_path: Path, looks: int, found: bool) -> None:
    values = [False, True]
    recorder = Recorder(tmp_path)
    assert recorder.until("the second look", 0, lambda: values.pop(0), pause=0, looks=looks) is found
    assert [(wait.what, wait.deadline_seconds) for wait in recorder.waits] == [("the second look", 0)]
