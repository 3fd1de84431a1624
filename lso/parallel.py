"""``lso run --parallel``: scenarios as independent jobs, whose reports are brought back to where they would be."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from lso.bundles.errors import Altered, BundleError
from lso.exits import UsageError
from lso.jobs.job import JobResult, unpacked
from lso.jobs.scheduler import need_dask, scheduler_of
from lso.lasting import lasting
from reports.model import RunResult, Scenario, Verdict
from reports.read import RESULT_NAME, ReportError, load_run
from reports.runs import RunsConsole
from reports.write import FOLDERS, TROUBLE_NAME, write_report
from scenarios.load import LoadedScenario

LONGEST_WORDS = 600


@dataclass(frozen=True)
class ScenarioJob:
    """A scenario to run, and the *folder* for its report."""

    loaded: LoadedScenario
    folder: Path

    @property
    def id(self) -> str:
        return self.loaded.scenario.scenario

    @cached_property
    def text(self) -> str:
        return self.loaded.path.read_text(encoding="utf-8")

    @property
    def path(self) -> str:
        """The file's path where that can be the same in the folder of a worker, else its name."""
        path = self.loaded.path
        return path.name if path.is_absolute() or ".." in path.parts else str(path)


def runs_as_jobs(options: argparse.Namespace) -> bool:
    """Tell whether scenarios are to run as jobs. Raises UsageError where the options do not go together."""
    scheduler = scheduler_of(options)
    if not (options.parallel or scheduler):
        return False
    if options.keep or options.until or options.pause_on_failure or options.prove:
        raise UsageError("--keep, --until, --pause-on-failure and --prove do not go with --parallel and --scheduler")
    if options.parallel and scheduler:
        raise UsageError("--parallel is for this machine; how many labs others have is their workers' number")
    need_dask()
    return True


def run_in_parallel(
    options: argparse.Namespace, scenarios: Sequence[LoadedScenario], folders: Sequence[Path]
) -> tuple[list[RunResult], bool]:
    """Run *scenarios*, write each one's report into its folder, and return the results, and whether all have ended.

    Raises UsageError when the scheduler cannot be reached, or has had no worker for a while.
    """
    from lso.jobs.cluster import run_jobs  # noqa: PLC0415  (Dask costs a second)

    jobs = [ScenarioJob(*each) for each in zip(scenarios, folders, strict=True)]
    results: dict[Path, RunResult] = {}
    console = RunsConsole(lasting(sys.stderr if options.json else sys.stdout), len(jobs))
    console.on_start()

    def ended(job: ScenarioJob, ran: JobResult | BaseException) -> None:
        results[job.folder] = brought(job, ran)
        write_report(results[job.folder], job.folder)
        console.on_run(results[job.folder], len(results))

    try:
        run_jobs(jobs, scheduler_of(options), options.parallel or len(jobs), ended)
    except KeyboardInterrupt:
        console.say("interrupted: the labs are gone")
    finally:
        done = [(results[folder], folder) for folder in folders if folder in results]
        console.summary(done)
    return [result for result, _ in done], len(done) == len(jobs)


def brought(job: ScenarioJob, ran: JobResult | BaseException) -> RunResult:
    """Return the result that a worker sent, whose files are then in the job's folder; an error where there is none."""
    if not isinstance(ran, JobResult):
        return _broken(job, f"{type(ran).__name__}: {ran}")
    if not ran.bundle:
        return _broken(job, ran.words, ran.seconds)
    part = job.folder / ".part"
    try:
        unpacked(ran, part).unlink()
        for name in (RESULT_NAME, TROUBLE_NAME, *FOLDERS):
            if (part / name).exists():
                (part / name).rename(job.folder / name)
        return load_run(job.folder)
    except (Altered, BundleError, ReportError) as error:
        return _broken(job, f"what the worker sent cannot be read: {error}", ran.seconds)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _broken(job: ScenarioJob, words: str, seconds: float = 0) -> RunResult:
    loaded, now = job.loaded, datetime.now(UTC)
    return RunResult(
        run_id=f"{now:%Y%m%dT%H%M%SZ}-{job.id}",
        scenario=Scenario(id=job.id, title=loaded.scenario.title, path=str(loaded.path), sha256=loaded.sha256),
        started_at=now,
        duration_seconds=seconds,
        verdict=Verdict.ERROR,
        error=" ".join(words.split())[-LONGEST_WORDS:] or "the run left no result",
        command=f"lso run {loaded.path}",
    )
