"""What a worker does: a job is one ``lso run`` in a process of its own, which owns its lab and ends with the worker.

Nothing of a job outlives its worker: when that is killed, the kernel sends the run SIGTERM, upon which it removes its
lab; what a run that is itself killed leaves behind is removed by the next worker on the machine, by ownership.
"""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import threading
import time
from importlib.metadata import version
from typing import Any

from distributed import Worker, WorkerPlugin, get_worker
from distributed.worker import thread_state

from lso.jobs.job import JobResult

PRODUCT = "lso-testbed"
LAB = "lab"
"""The resource of a worker that a job takes one of."""

PLUGIN = "lso-labs"
END_SECONDS = 60.0
"""How long a run may take to remove its lab."""

_LONGEST_WORDS = 4000
"""Characters of what a run printed that go back to the client."""


class OtherVersion(Exception):
    """A worker is of another version than its client, so its verdicts are not the client's."""


class Labs(WorkerPlugin):  # type: ignore[misc]  # distributed has no types
    """Keeps the runs of a worker, ends those that nobody waits for any more, and clears what dead workers left."""

    name = PLUGIN
    idempotent = True

    def setup(self, worker: Worker) -> None:
        """Remove the labs of workers that were killed on this machine."""
        self.runs: dict[str, subprocess.Popen[str]] = {}
        self.lock = threading.Lock()  # made here, for it cannot be sent
        clear()

    def transition(self, key: Any, start: str, finish: str, **_more: Any) -> None:
        """End the run of a task that was cancelled: its client has gone, or does not want it any more."""
        if finish in ("cancelled", "released", "forgotten"):
            self.end(str(key))

    def end(self, key: str) -> None:
        """Have the run of that task remove its lab and end."""
        with self.lock:
            run = self.runs.get(key)
        if run and run.poll() is None:
            run.send_signal(signal.SIGTERM)

    def teardown(self, worker: Worker) -> None:
        """End all runs, and wait until their labs are gone."""
        for key in [*self.runs]:
            self.end(key)
        for run in [*self.runs.values()]:
            run.wait(END_SECONDS)


def clear() -> None:
    """Remove what killed runs and workers left on this machine, by ownership: labs, and the folders of jobs.

    Raises ReapError when something cannot be removed, after all the rest has been.
    """
    from testbed.ownership.reap import reap  # noqa: PLC0415  (a client needs none of it)
    from testbed.ownership.scratch import remove_dead  # noqa: PLC0415

    reap()
    remove_dead()


def run_job(name: str, text: str, path: str, wanted: str) -> JobResult:
    """Run the scenario *text* on this machine and return what came out of it. A task of a worker with :class:`Labs`.

    *name* is the job's id, *path* the relative path of its file. Raises OtherVersion unless *wanted*, the client's
    version, is the worker's.
    """
    from testbed.ownership.scratch import scratch  # noqa: PLC0415

    if (own := version(PRODUCT)) != wanted:
        raise OtherVersion(f"{platform.node()} has {PRODUCT} {own}, the client has {wanted}")
    labs: Labs = get_worker().plugins[PLUGIN]
    key = str(thread_state.key)
    with scratch() as held:
        scenario = held.folder / "work" / path
        bundle, words = held.folder / "bundle.zip", held.folder / "words.txt"
        scenario.parent.mkdir(parents=True, exist_ok=True)
        scenario.write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "lso", "run", path, "--report", "../run", "--bundle", "../bundle.zip"]
        start = time.monotonic()
        with words.open("w", encoding="utf-8") as output:
            # In a session of its own, so that a Ctrl-C at the client's terminal comes by the client alone. It holds the
            # folder as well, which it writes its report to when the worker has been killed.
            run = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *command],
                cwd=held.folder / "work",
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
                pass_fds=[held.descriptor],
            )
            with labs.lock:
                labs.runs[key] = run
            try:
                run.wait()
            finally:
                with labs.lock:
                    labs.runs.pop(key, None)
        seconds = time.monotonic() - start
        told = words.read_text(encoding="utf-8", errors="replace")[-_LONGEST_WORDS:]
        made = bundle.read_bytes() if bundle.is_file() else b""
        return JobResult(made, f"{name}: exit code {run.returncode}: {told}", platform.node(), round(seconds, 3))
