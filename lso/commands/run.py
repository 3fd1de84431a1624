"""Run scenarios: start each one's lab, order its service by the Presto API, prove its steps, leave nothing behind.

Exit code: 0 every step passed, 1 a step failed (the network under test is wrong), 2 a scenario or its order is not
valid, or the report cannot be written, 3 the test-bed itself had trouble, 130 it was interrupted.

With --parallel or --scheduler scenarios run beside each other, here or on other machines; the reports and exit codes
are the same.

With --prove each step is run again in networks that sabotages break, where it must fail: 1 is then that a step noticed
nothing (vacuous), or that no sabotage is for it (unproven).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from common.findings import FileFinding, nearest
from lso.api import api_server
from lso.bundles.after_run import after_run
from lso.exits import BAD_INPUT, ERROR, FAILED, INTERRUPTED, PASSED, UsageError
from lso.jobs.scheduler import configure as configure_scheduler
from lso.jobs.scheduler import positive
from lso.lasting import lasting
from lso.parallel import run_in_parallel, runs_as_jobs
from lso.prove import prove_all, sabotages
from lso.scenario_files import load
from lso.site_plans import plans, templates
from reports.console import Console
from reports.model import RunResult, StepResult, Verdict
from reports.text import count_text
from reports.write import new_folder, prepare, write_report
from scenarios.file.errors import ScenarioError
from scenarios.find import find
from scenarios.load import LoadedScenario
from scenarios.prove.sabotage import LoadedSabotage
from scenarios.run import Options
from scenarios.run import run as run_scenario

HELP = "run scenarios and write their reports"
EXAMPLES = """examples:
  lso run scenarios/poc-two-sites
  lso run scenarios --report results              all below that folder, each with its own under results/
  lso run scenarios --parallel 2                  two at a time, each in a lab of its own
  lso run my.yaml --keep --until POC-05           stop there and leave the lab up, to look around
  lso run my.yaml --bundle poc.zip                the report as one signed file, too
  lso run my.yaml --pause-on-failure              wait after a step that did not pass
  lso run my.yaml --json | jq .verdict            the result as JSON, progress on standard error
  lso run scenarios/poc-two-sites --prove         break the network in many ways: does each step notice?
  lso run my.yaml --prove --only 'firewall-*'     with some of the sabotages (docs/sabotages.md)
  lso run my.yaml --prove --sabotages mine --no-catalogue    with those of your own in mine/ alone"""
ENDINGS = {"refused": BAD_INPUT, "interrupted": INTERRUPTED}
EXITS = {Verdict.PASSED: PASSED, Verdict.SKIPPED: PASSED, Verdict.FAILED: FAILED, Verdict.ERROR: ERROR}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", type=Path, help="a scenario file, or a folder with scenarios below it"
    )
    parser.add_argument(
        "--report", metavar="DIR", type=Path, help="write the report there (default: a new folder in runs/)"
    )
    parser.add_argument("--keep", action="store_true", help="leave the lab up afterwards (lso down removes it)")
    parser.add_argument("--pause-on-failure", action="store_true", help="wait for Enter after a step that did not pass")
    parser.add_argument("--until", metavar="STEP", help="end after the step with this id")
    parser.add_argument("--prove", action="store_true", help="see that each step fails in networks that are broken")
    parser.add_argument(
        "--only",
        metavar="ID",
        action="append",
        default=[],
        help="with --prove: this sabotage alone, or those of a pattern such as 'firewall-*' (repeatable)",
    )
    parser.add_argument(
        "--sabotages",
        metavar="DIR",
        type=Path,
        action="append",
        default=[],
        help="with --prove: a folder with sabotages of your own, too (repeatable)",
    )
    parser.add_argument("--no-catalogue", action="store_true", help="with --sabotages: those of your own alone")
    parser.add_argument("--bundle", metavar="FILE", type=Path, help="make it one signed file, too (see lso bundle)")
    parser.add_argument("--json", action="store_true", help="print the results as JSON on standard output")
    parser.add_argument(
        "--parallel", metavar="N", type=positive, help="run up to N scenarios at a time, each in a lab of its own"
    )
    configure_scheduler(parser)


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    in_parallel = runs_as_jobs(options)
    scenarios = _load_all(options.paths)
    catalogue = _catalogue(options)
    if scenarios is None or catalogue is None:
        return BAD_INPUT
    _check_until(options.until, scenarios)
    with ExitStack() as held:
        folders = _folders(options.report, [scenario.scenario.scenario for scenario in scenarios], held)
        bundle = after_run(options.bundle, folders) if options.bundle else None
        whole = True
        if in_parallel:
            results, whole = run_in_parallel(options, scenarios, folders)
        elif options.prove:
            return prove_all(options, scenarios, catalogue, folders)
        else:
            results = _run_all(options, scenarios, folders)
    if options.json and results:
        documents = [result.model_dump(mode="json") for result in results]
        print(json.dumps(documents if len(scenarios) > 1 else documents[0], indent=2), file=lasting(sys.stdout))
    if bundle and results:
        bundle()
    if not whole:
        return INTERRUPTED
    return max(ENDINGS.get(result.ending, EXITS[result.verdict]) for result in results)


def _run_all(
    options: argparse.Namespace, scenarios: Sequence[LoadedScenario], folders: Sequence[Path]
) -> list[RunResult]:
    """Run one after the other, and none behind one that was interrupted."""
    results: list[RunResult] = []
    for scenario, folder in zip(scenarios, folders, strict=True):
        results.append(_run_one(options, scenario, folder))
        if results[-1].ending == "interrupted":
            break
    return results


def _load_all(paths: Sequence[Path]) -> list[LoadedScenario] | None:
    """Return the scenarios, or None after all findings of all files were printed."""
    scenarios: list[LoadedScenario] = []
    findings: list[FileFinding] = []
    for path in [found for given in paths for found in find(given)]:
        try:
            scenarios.append(load(path))
        except ScenarioError as error:
            findings += error.findings
    _tell(findings)
    return None if findings else scenarios


def _catalogue(options: argparse.Namespace) -> tuple[LoadedSabotage, ...] | None:
    """Return the sabotages that --prove tries, or None after all findings of their files were printed."""
    if not options.prove:
        if options.only or options.sabotages or options.no_catalogue:
            raise UsageError("--only, --sabotages and --no-catalogue are for --prove")
        return ()
    if options.keep or options.until or options.pause_on_failure or options.bundle:
        raise UsageError("--keep, --until, --pause-on-failure and --bundle do not go with --prove")
    try:
        return sabotages(options)
    except ScenarioError as error:
        _tell(error.findings)
        return None


def _tell(findings: Sequence[FileFinding]) -> None:
    for finding in findings:
        print(finding, file=sys.stderr)
    if findings:
        print(f"lso: {count_text(len(findings), 'finding')}, nothing was started", file=sys.stderr)


def _check_until(step: str | None, scenarios: Sequence[LoadedScenario]) -> None:
    known = [entry.id for scenario in scenarios for entry in scenario.scenario.steps]
    if step is not None and step not in known:
        raise UsageError(f"--until {step}: no such step. {nearest(step, known)}")


def _run_one(options: argparse.Namespace, scenario: LoadedScenario, directory: Path) -> RunResult:
    stream = sys.stderr if options.json else sys.stdout
    with Console(lasting(stream)) as console:
        result = run_scenario(
            scenario,
            directory,
            api_server,
            console,
            Options(
                command=f"lso run {scenario.path}",
                keep=options.keep,
                until=options.until,
                pause=_pause if options.pause_on_failure else None,
                templates=templates(scenario.scenario.products),
                plans=plans,
            ),
        )
        write_report(result, directory)
        console.summary(result, directory)
    return result


def _folders(report: Path | None, names: Sequence[str], held: ExitStack) -> list[Path]:
    """Return a folder for each scenario's report, made and seen to be writable before anything starts.

    They are this run's alone until *held* is closed.
    """
    if report is None:
        moment = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
        folders = [Path("runs") / f"{moment}-{name}" for name in names]
    elif len(names) == 1:
        folders = [report]
    else:
        folders = [report / name for name in names]
    given: list[Path] = []
    try:
        for folder in folders:
            given.append(new_folder(folder) if report is None else _unlike(folder, given))
            held.enter_context(prepare(given[-1]))
    except OSError as error:
        where, why = error.filename or report or folders[0], error.strerror or str(error)
        raise UsageError(f"the report cannot be written: {where}: {why}") from error
    return given


def _unlike(folder: Path, given: Sequence[Path]) -> Path:
    """Return *folder*, or the same name with the next number when it is given to a scenario of this run already."""
    names = (folder.with_name(f"{folder.name}-{number}") if number > 1 else folder for number in count(1))
    return next(name for name in names if name not in given)


def _pause(lab: str, result: StepResult) -> None:
    """Wait until the user has looked at the network as it is."""
    print(f"\n{result.id} {result.verdict}: {result.message}", file=sys.stderr)
    print(
        f"the lab {lab} is up; see it live: {result.live_command or f'lso exec {lab} NODE -- COMMAND'}", file=sys.stderr
    )
    if sys.stdin.isatty():
        input("press Enter to go on ")
    else:
        print("standard input is no terminal: going on", file=sys.stderr)
