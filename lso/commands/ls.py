"""List the labs of this machine and their nodes, or what dead labs left behind."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections import Counter
from collections.abc import Mapping, Sequence

from rich.table import Table

from lso.exits import PASSED, UsageError
from lso.labs import attach
from lso.tables import console
from reports.text import count_text
from testbed.lab import Lab
from testbed.nodes.node import Node
from testbed.ownership.reap import orphans

HELP = "list labs, or what is orphaned"
EXAMPLES = """examples:
  lso ls
  lso ls --json | jq -r '.[].id'
  lso ls poc-two-sites-123456    its nodes by name
  lso ls --orphans               what lso reap would remove"""
KINDS = {"ucpe": "site"}
PLURALS = {"switch": "switches"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("lab", metavar="LAB", nargs="?", help="id of a lab: its nodes, one a line")
    parser.add_argument("--orphans", action="store_true", help="list what belongs to labs whose owner is dead")
    parser.add_argument("--json", action="store_true", help="print as JSON")


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    if options.lab and options.orphans:
        raise UsageError("--orphans are of labs that are gone: leave LAB out")
    labs = (attach(options.lab),) if options.lab else () if options.orphans else Lab.list()
    if options.json:
        print(json.dumps(_orphans() if options.orphans else [_lab(lab) for lab in labs], indent=2))
    elif options.orphans:
        _print(_orphans())
    elif options.lab:
        _print([_node(node) for node in _nodes(labs[0])])
    else:
        _print([{**_lab(lab), "nodes": _counted(lab)} for lab in labs])
    return PASSED


def _print(rows: Sequence[Mapping[str, str | list[str]]]) -> None:
    if rows:
        table = Table(*rows[0], box=None, pad_edge=False, header_style="bold")
        for row in rows:
            table.add_row(*(", ".join(value) if isinstance(value, list) else value for value in row.values()))
        console().print(table, soft_wrap=False)


def _nodes(lab: Lab) -> list[Node]:
    return [node for name, node in lab.nodes.items() if not name.startswith("lan.")]


def _lab(lab: Lab) -> dict[str, str | list[str]]:
    return {
        "id": lab.id,
        "nodes": [node.name for node in _nodes(lab)],
        "ended": [name for name, node in lab.nodes.items() if node.ended()],
        "folder": str(lab.folder),
    }


def _node(node: Node) -> dict[str, str | list[str]]:
    return {
        "node": node.name,
        "kind": KINDS.get(node.kind, node.kind),
        "address": node.address,
        "state": "ended" if node.ended() else "runs",
    }


def _counted(lab: Lab) -> str:
    """Return how many nodes of each kind there are: their names would fill the screen."""
    kinds = Counter(KINDS.get(node.kind, node.kind) for node in _nodes(lab))
    return ", ".join(count_text(number, kind, PLURALS.get(kind, "")) for kind, number in kinds.items()) or "none"


def _orphans() -> list[dict[str, str | list[str]]]:
    return [dataclasses.asdict(orphan) for orphan in orphans()]
