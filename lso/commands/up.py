"""Start the network of a scenario and leave it up, without an order: to look around, or to serve the API for it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from lso.exits import PASSED, UsageError
from lso.scenario_files import load
from reports.text import count_text
from scenarios.file.errors import ScenarioError
from scenarios.session import new_lab
from testbed.progress import Progress, silent

HELP = "start a scenario's network and leave it up"
EXAMPLES = """examples:
  lso up scenarios/poc-two-sites
  lso exec poc-two-sites-123456 a1 -- ip address
  lso serve --lab poc-two-sites-123456
  lso down poc-two-sites-123456"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("path", metavar="PATH", type=Path, help="a scenario file, or a folder that holds one")
    parser.add_argument("--json", action="store_true", help="print the lab as JSON")


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    try:
        scenario = load(options.path).scenario
    except ScenarioError as error:
        print(error, file=sys.stderr)
        raise UsageError(f"{count_text(len(error.findings), 'finding')}, nothing was started") from error
    lab = new_lab(scenario, silent if options.json else _show)
    lab.start()
    lab.keep()
    if options.json:
        print(json.dumps({"id": lab.id, "inventory": str(lab.inventory), "engines": lab.engines}, indent=2))
    else:
        print(f"lab {lab.id} is up; lso down {lab.id} removes it")
        print(f"nodes: {', '.join([*lab.ucpes, *lab.hosts, *lab.underlays])}")
    return PASSED


def _show(progress: Progress) -> None:
    print(f"[{progress.seconds:5.1f} s] {progress.text}", flush=True)
