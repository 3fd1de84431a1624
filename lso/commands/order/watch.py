"""Follow an order to its end: its items and their states, what is being done, and for how long."""

from __future__ import annotations

import argparse

from rich.console import Console

from lso.ordering.answers import exit_of
from lso.ordering.follow import follow
from lso.ordering.server import add_server, connect
from lso.ordering.show import as_json, print_json
from lso.tables import console

HELP = "follow an order to its end"
EXAMPLES = """examples:
  lso order watch 0b1c7f3e-2f0c-4d0f-9f55-5a4b6ad9c0f1
  lso order watch 0b1c7f3e-2f0c-4d0f-9f55-5a4b6ad9c0f1 --json     progress on standard error, the order at the end"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("order", metavar="ID", help="id of the order")
    add_server(parser)


def run(options: argparse.Namespace) -> int:
    """Run the verb; the exit code tells whether the order failed."""
    with connect(options) as client:
        order = follow(client, options.order, Console(stderr=True) if options.json else console())
    if options.json:
        print_json(as_json(order))
    return exit_of(order)
