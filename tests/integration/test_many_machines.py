"""Cells on workers of a scheduler by mutual TLS, as docs/many-machines.md sets it up; none gets as far as a lab."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from lso.exits import UsageError
from lso.jobs.cluster import run_jobs
from lso.jobs.job import JobResult
from lso.jobs.scheduler import Scheduler
from lso.matrix.cells import PlannedCell
from testbed.polling import poll

from ..documented import commands_of
from ..ports import free_port

PAGE = "docs/many-machines.md"
CELLS = [PlannedCell(f"c{number}", {"a": str(number)}, "passed", "scenario: it is none\n") for number in range(4)]
SLOW = 120


def documented(start: str) -> str:
    """The page's command that begins like this."""
    return next(one.text for one in commands_of(PAGE) if one.text.startswith(start))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for command in [one.text for one in commands_of(PAGE) if one.text.startswith("openssl")]:
        subprocess.run(["sh", "-euc", command], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def scheduler(keys: Path) -> Iterator[Scheduler]:
    port = str(free_port())
    with ExitStack() as running:
        started(running, keys, documented(".venv/bin/dask scheduler").replace("8786", port) + " --host 127.0.0.1")
        files = (keys / name for name in ("ca.pem", "cluster.pem", "cluster.key"))
        yield Scheduler(f"tls://127.0.0.1:{port}", *files)


@pytest.fixture
def workers(keys: Path, scheduler: Scheduler) -> Iterator[psutil.Process]:
    """Two workers, by their parent."""
    command = documented(".venv/bin/dask worker").replace("tls://HEAD:8786", scheduler.address)
    with ExitStack() as running:
        yield started(running, keys, command.replace("--nworkers 4", "--nworkers 2"))


def started(running: ExitStack, folder: Path, command: str) -> psutil.Process:
    words = shlex.split(command.replace("\\\n", " "))
    dask = [str(Path(sys.executable).with_name("dask")), *words[1:]]
    process = subprocess.Popen(dask, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end() -> None:
        process.send_signal(signal.SIGTERM)
        process.wait(SLOW)

    running.callback(end)
    return psutil.Process(process.pid)


def ran(scheduler: Scheduler, cells: list[PlannedCell]) -> dict[str, JobResult | BaseException]:
    found: dict[str, JobResult | BaseException] = {}
    run_jobs(cells, scheduler, 1, lambda cell, one: found.update({cell.id: one}))
    return found


def test_cells_come_back_though_a_worker_is_killed(scheduler: Scheduler, workers: psutil.Process) -> None:
    killed: list[int] = []
    found: dict[str, JobResult | BaseException] = {}

    def ended(cell: PlannedCell, one: JobResult | BaseException) -> None:
        found[cell.id] = one
        if not killed:
            assert poll(lambda: bool(runs(workers)), SLOW, 0.05)
            killed.append(next(iter(runs(workers))).ppid())
            psutil.Process(killed[0]).kill()

    run_jobs(CELLS, scheduler, 1, ended)
    assert killed
    assert sorted(found) == [cell.id for cell in CELLS]
    for name, one in found.items():
        assert isinstance(one, JobResult), one
        assert one.words.startswith(f"{name}: exit code 2: scenario.yaml:1:1: ")
        assert one.bundle == b""
    assert poll(lambda: not runs(workers), SLOW, 0.1)


def runs(workers: psutil.Process) -> list[psutil.Process]:
    found = []
    for one in workers.children(recursive=True):
        with suppress(psutil.Error):
            if "--bundle" in one.cmdline():
                found.append(one)
    return found


def test_a_client_without_the_authority_s_certificate_is_not_let_in(scheduler: Scheduler, tmp_path: Path) -> None:
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    files = [tmp_path / "own.pem", tmp_path / "own.key"]
    subprocess.run([*made, "-subj", "/CN=x", "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    with pytest.raises(UsageError, match=f"--scheduler {scheduler.address}: "):
        ran(Scheduler(scheduler.address, scheduler.ca, *files), CELLS[:1])
