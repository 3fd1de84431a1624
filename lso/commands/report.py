"""Render the report of a run again from its result.json, and say where it is."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lso.exits import BAD_INPUT, PASSED
from reports.console import Console
from reports.read import ReportError, latest_run, load_run
from reports.write import result_json, write_report

HELP = "show a run's result again and render its report anew"
EXAMPLES = """examples:
  lso report                        the latest run in runs/
  lso report runs/20260101-120000-poc-two-sites
  lso report --json | jq '.steps[] | select(.verdict != "passed")'"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "directory", metavar="DIR", nargs="?", type=Path, help="a run's folder (default: the latest in runs/)"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    try:
        directory = options.directory or latest_run(Path("runs"))
        result = load_run(directory)
    except ReportError as error:
        print(f"lso: {error}", file=sys.stderr)
        return BAD_INPUT
    directory = directory if directory.is_dir() else directory.parent
    write_report(result, directory)
    if options.json:
        print(result_json(result), end="")
    else:
        with Console(sys.stdout) as console:
            console.summary(result, directory)
    return PASSED
