"""Remove labs that were kept: everything that carries their label, and nothing else."""

from __future__ import annotations

import argparse
import sys

from lso.exits import PASSED, UsageError
from lso.labs import attach
from testbed.lab import Lab
from testbed.ownership.lease import LeaseError

HELP = "remove labs that were left up"
EXAMPLES = """examples:
  lso down poc-two-sites-123456
  lso down --all"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("labs", metavar="LAB", nargs="*", help="ids of labs, as lso ls prints them")
    parser.add_argument("--all", action="store_true", help="all labs that no process runs any more")


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    if bool(options.labs) == options.all:
        raise UsageError("name the labs to remove, or --all")
    for lab in Lab.list() if options.all else [attach(name) for name in options.labs]:
        try:
            lab.stop()
        except LeaseError as held:
            if not options.all:
                raise UsageError(f"{held}; it removes the lab when it ends") from held
            print(f"left alone {lab.id}: {held}", file=sys.stderr)
        else:
            print(f"removed {lab.id}")
    return PASSED
