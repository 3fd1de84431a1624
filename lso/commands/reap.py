"""Remove what dead labs left behind: those whose owner was killed. Labs that live or are kept stay untouched."""

from __future__ import annotations

import argparse
import sys

from lso.exits import ERROR, PASSED
from testbed.ownership.reap import ReapError, reap, undecided
from testbed.ownership.scratch import dead, remove_dead

HELP = "remove what killed labs left behind"
EXAMPLES = """examples:
  lso reap --dry-run      only say what would go
  lso reap"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("--dry-run", action="store_true", help="remove nothing, only say what is orphaned")


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    for lab, reason in undecided().items():
        print(f"left alone lab {lab}: {reason}", file=sys.stderr)
    try:
        removed = [*map(str, reap(dry_run=options.dry_run))]
    except ReapError as fault:
        print(f"lso: not all could be removed: {fault}", file=sys.stderr)
        return ERROR
    removed += [f"folder {folder}" for folder in (dead() if options.dry_run else remove_dead())]
    for item in removed:
        print(("would remove " if options.dry_run else "removed ") + item)
    if not removed:
        print("nothing is orphaned")
    return PASSED
