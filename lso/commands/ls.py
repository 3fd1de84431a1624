"""List the labs of this machine and their nodes, or what dead labs left behind."""

from __future__ import annotations

import argparse
import dataclasses
import json

from rich.table import Table

from lso.exits import PASSED
from lso.tables import console
from testbed.lab import Lab
from testbed.ownership.reap import orphans

HELP = "list labs, or what is orphaned"
EXAMPLES = """examples:
  lso ls
  lso ls --json | jq -r '.[].id'
  lso ls --orphans        what lso reap would remove"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("--orphans", action="store_true", help="list what belongs to labs whose owner is dead")
    parser.add_argument("--json", action="store_true", help="print as JSON")


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    rows = _orphans() if options.orphans else _labs()
    if options.json:
        print(json.dumps(rows, indent=2))
    elif rows:
        table = Table(*rows[0], box=None, pad_edge=False, header_style="bold")
        for row in rows:
            table.add_row(*(", ".join(value) if isinstance(value, list) else value for value in row.values()))
        console().print(table, soft_wrap=False)
    return PASSED


def _labs() -> list[dict[str, str | list[str]]]:
    return [
        {
            "id": lab.id,
            "nodes": [name for name in lab.nodes if not name.startswith("lan.")],
            "ended": [name for name, node in lab.nodes.items() if node.ended()],
            "folder": str(lab.folder),
        }
        for lab in Lab.list()
    ]


def _orphans() -> list[dict[str, str | list[str]]]:
    return [dataclasses.asdict(orphan) for orphan in orphans()]
