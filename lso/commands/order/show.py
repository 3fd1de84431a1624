"""Show one order: its state, its items with theirs, and why what failed did."""

from __future__ import annotations

import argparse

from lso.ordering.answers import exit_of
from lso.ordering.server import add_server, connect
from lso.ordering.show import as_json, heading, item_table, print_json, when
from lso.tables import console

HELP = "show an order"
EXAMPLES = """examples:
  lso order show 0b1c7f3e-2f0c-4d0f-9f55-5a4b6ad9c0f1
  lso order show 0b1c7f3e-2f0c-4d0f-9f55-5a4b6ad9c0f1 --json | jq .state"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("order", metavar="ID", help="id of the order")
    add_server(parser)


def run(options: argparse.Namespace) -> int:
    """Run the verb; the exit code tells whether the order failed."""
    with connect(options) as client:
        order = client.orders.get(options.order)
    if options.json:
        print_json(as_json(order))
        return exit_of(order)
    out = console()
    out.print(heading(order))
    dates = {"ordered": order.order_date, "started": order.start_date, "completed": order.completion_date}
    for name, moment in dates.items():
        if moment:
            out.print(f"{name:<9} {when(moment)}")
    out.print()
    out.print(item_table(order))
    return exit_of(order)
