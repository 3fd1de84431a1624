"""``lso run --prove``: the sabotages that are asked for, and what proving with them comes to."""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from common.findings import nearest
from lso.api import api_server
from lso.exits import ERROR, FAILED, INTERRUPTED, PASSED, UsageError
from lso.lasting import lasting
from lso.scenario_files import vendors
from reports.model import Verdict
from reports.prove import ProveResult, write_prove_report
from reports.prove.console import ProveConsole
from scenarios.load import LoadedScenario
from scenarios.prove.catalogue import CATALOGUE, load_catalogue
from scenarios.prove.run import prove
from scenarios.prove.sabotage import LoadedSabotage

EXITS = {Verdict.PASSED: PASSED, Verdict.SKIPPED: PASSED, Verdict.FAILED: FAILED, Verdict.ERROR: ERROR}


def sabotages(options: argparse.Namespace) -> tuple[LoadedSabotage, ...]:
    """Return the sabotages to try. Raises ``ScenarioError`` for files with mistakes, UsageError for unknown ids."""
    folders = [*([] if options.no_catalogue else [CATALOGUE]), *options.sabotages]
    if not folders:
        raise UsageError("--no-catalogue is for --sabotages DIR, which has those to try")
    catalogue = load_catalogue(folders, vendors())
    known = [one.id for one in catalogue]
    if unknown := [wanted for wanted in options.only if not fnmatch.filter(known, wanted)]:
        told = (f"--only {wanted}: no such sabotage. {nearest(wanted, known)}" for wanted in unknown)
        raise UsageError("\n".join(told))
    chosen = {name for wanted in options.only or ["*"] for name in fnmatch.filter(known, wanted)}
    return tuple(one for one in catalogue if one.id in chosen)


def prove_all(
    options: argparse.Namespace,
    scenarios: Sequence[LoadedScenario],
    catalogue: Sequence[LoadedSabotage],
    folders: Sequence[Path],
) -> int:
    """Prove the assertions of all *scenarios*, write a report into each one's folder, and return the exit code."""
    results: list[ProveResult] = []
    for scenario, folder in zip(scenarios, folders, strict=True):
        results.append(_prove_one(options, scenario, catalogue, folder))
        if results[-1].interrupted:
            break
    if options.json:
        documents = [result.model_dump(mode="json") for result in results]
        print(json.dumps(documents if len(scenarios) > 1 else documents[0], indent=2), file=lasting(sys.stdout))
    return max(INTERRUPTED if result.interrupted else EXITS[result.verdict] for result in results)


def _prove_one(
    options: argparse.Namespace, scenario: LoadedScenario, catalogue: Sequence[LoadedSabotage], directory: Path
) -> ProveResult:
    with ProveConsole(lasting(sys.stderr if options.json else sys.stdout)) as console:
        result = prove(
            scenario,
            catalogue,
            directory,
            api_server,
            console,
            complete=not (options.only or options.no_catalogue),
            command=f"lso run --prove {scenario.path}",
        )
        write_prove_report(result, directory)
        console.prove_summary(result, directory)
    return result
