"""Workers: those of a Dask scheduler that is there, by mutual TLS, or of one that lives as long as the command."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, TypeVar

import dask
import psutil
from distributed import Client, Future, LocalCluster, wait
from distributed.security import Security

from lso.exits import UsageError
from lso.jobs.job import Job, JobResult
from lso.jobs.scheduler import Scheduler
from lso.jobs.worker import END_SECONDS, LAB, PRODUCT, Labs, clear, run_job

SETTINGS: dict[str, Any] = {
    "distributed.scheduler.allowed-failures": 3,
    "distributed.worker.daemon": False,
    "distributed.comm.timeouts.connect": "20s",
    "distributed.admin.log-format": "%(levelname)s %(message)s",
    "distributed.logging": {"distributed": "critical", "bokeh": "critical", "tornado": "critical"},
}
CONNECT_SECONDS, LOOK_SECONDS, ALONE_SECONDS = 20, 5, 120.0
"""How long the scheduler may take to answer, how often it is asked for its workers, how long there may be none."""
MARK = "LSO_JOBS_OF"
"""The variable by which runs of our own workers know whose they are."""


class NoWorker(UsageError):
    """There has been no worker for a while, and jobs are left."""


J = TypeVar("J", bound=Job)


def run_jobs(
    jobs: Sequence[J], scheduler: Scheduler | None, labs: int, ended: Callable[[J, JobResult | BaseException], None]
) -> None:
    """Run all *jobs*, at most *labs* at a time on this machine, or where the *scheduler* has workers for them.

    *ended* gets each one as it ends, with its result or what kept it from one. A job whose worker is lost is run again,
    three times at most. Raises UsageError when the scheduler cannot be reached, and NoWorker when it has had no worker
    for two minutes. However it ends, no lab of a job is left on this machine.
    """
    with dask.config.set(SETTINGS), _client(scheduler, min(labs, len(jobs))) as client:
        client.register_plugin(Labs())
        run, one, own = secrets.token_hex(4), {LAB: 1}, version(PRODUCT)
        tasks = {
            client.submit(run_job, job.id, job.text, job.path, own, key=f"{job.id}-{number}-{run}", resources=one): job
            for number, job in enumerate(jobs)
        }
        try:
            for task in _as_they_end(client, tasks):
                ended(tasks[task], task.exception() or task.result())
                task.release()
        except BaseException:
            client.cancel([*tasks], force=True)
            raise


def _as_they_end(client: Client, tasks: Collection[Future]) -> Iterator[Future]:
    """Yield each task as it ends. Raises NoWorker when there has been none to run the rest for a while."""
    left, alone_since = set(tasks), None
    while left:
        with contextlib.suppress(TimeoutError):
            done = wait(left, timeout=LOOK_SECONDS, return_when="FIRST_COMPLETED").done
            yield from done
            left -= done
        alone = not client.scheduler_info(n_workers=-1)["workers"]
        alone_since = (alone_since or time.monotonic()) if alone else None
        if alone_since and time.monotonic() - alone_since > ALONE_SECONDS:
            raise NoWorker(f"no worker has been there for {ALONE_SECONDS:g} s: {len(left)} jobs are left")


@contextmanager
def _client(scheduler: Scheduler | None, labs: int) -> Iterator[Client]:
    if scheduler is None:
        with _own_workers(labs) as cluster, Client(cluster) as client:
            yield client
        return
    files = {"tls_ca_file": scheduler.ca, "tls_client_cert": scheduler.certificate, "tls_client_key": scheduler.key}
    security = Security(require_encryption=True, **{name: str(path) for name, path in files.items()})
    try:
        client = Client(scheduler.address, security=security, timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError, ValueError) as error:
        raise UsageError(f"--scheduler {scheduler.address}: {error}") from error
    with client:
        yield client


@contextmanager
def _own_workers(labs: int) -> Iterator[LocalCluster]:
    """Yield a cluster of processes on this machine that nobody else can give work; they and their labs go with it."""
    try:
        with LocalCluster(
            n_workers=labs,
            threads_per_worker=1,
            processes=True,
            resources={LAB: 1},
            security=True,  # keys that exist in memory only: others on this machine may not run things as us
            memory_limit=0,
            dashboard_address="127.0.0.1:0",  # distributed has its metrics somewhere, whatever it is told
            silence_logs=50,
            env={MARK: str(os.getpid())},
        ) as cluster:
            yield cluster
    finally:
        # A run outlives its worker for as long as it removes its lab. Whoever was killed itself left the rest.
        psutil.wait_procs(_runs(), timeout=END_SECONDS)
        clear()


def _runs() -> list[psutil.Process]:
    """Return the runs of this process's workers, those that have lost their worker too."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == str(os.getpid()):
                found.append(process)
    return found
