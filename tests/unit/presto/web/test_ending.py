"""How `lso serve` ends when it is asked to, whenever that is."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from testbed.polling import poll

from .serve_process import served, started

ENDINGS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT]


@pytest.mark.parametrize("number", ENDINGS)
def test_a_server_that_is_asked_to_end_has_not_failed(inventory: Any, tmp_path: Path, number: signal.Signals) -> None:
    with served(tmp_path, inventory) as (_, process):
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
        assert (process.returncode, said.splitlines()[-1]) == (0, "lso: stopped")
        assert "Traceback" not in said


@pytest.mark.parametrize("moment", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("number", ENDINGS)
def test_so_has_one_that_does_not_serve_yet(
    inventory: Any, tmp_path: Path, number: signal.Signals, moment: float
) -> None:
    with started(tmp_path, inventory) as process:
        assert poll(lambda: catches(process.pid, signal.SIGQUIT), 20)
        time.sleep(moment)  # the moment is the test
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said.splitlines()[-1]) == (0, "lso: stopped")
    assert "Traceback" not in said


def catches(process: int, number: signal.Signals) -> bool:
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return bool(int(status.partition("SigCgt:")[2].split()[0], 16) >> (number - 1) & 1)


def test_one_that_shall_outlive_its_terminal_does(inventory: Any, tmp_path: Path) -> None:
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with served(tmp_path, inventory) as (url, process):
            process.send_signal(signal.SIGHUP)
            assert httpx.get(f"{url}/healthz").status_code == 200
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=30)
    finally:
        signal.signal(signal.SIGHUP, former)
    assert (process.returncode, said.splitlines()[-1]) == (0, "lso: stopped")
    assert "Traceback" not in said
