"""Say what this machine can do: the engine that each capability uses here, its fallback, how to get a better one.

Exit code 0 when scenarios can run, with whatever engines; 3 when nothing can run.
"""

from __future__ import annotations

import argparse
import dataclasses
import json

from rich.table import Table
from rich.text import Text

from lso.exits import ERROR, PASSED
from lso.tables import console
from testbed import doctor

HELP = "say what this machine can do, and how to get more"
EXAMPLES = """examples:
  lso doctor
  lso doctor --json | jq '.[] | select(.works | not)'"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("--json", action="store_true", help="print the capabilities as JSON")


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    capabilities = doctor.capabilities()
    if options.json:
        print(json.dumps([dataclasses.asdict(item) for item in capabilities], indent=2))
    else:
        _show(capabilities)
    return PASSED if doctor.can_run(capabilities) else ERROR


def _show(capabilities: list[doctor.Capability]) -> None:
    """Print the table; then, for what is not at its best, why not and what to do about it."""
    out = console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("capability", "here", "best"):
        table.add_column(heading, no_wrap=True)
    for item in capabilities:
        better = item.best if item.best != item.chosen else "the same"
        table.add_row(item.name, item.chosen or "none", better, style="" if item.works else "red")
    out.print(table)
    for item in capabilities:
        if item.chosen != item.best:
            out.print(Text.assemble("\n", (item.name, "bold"), f": {item.chosen or 'none'}"))
            out.print(f"  why     {item.reason}")
            out.print(f"  better  {item.remedy}")
