"""List orders, oldest first."""

from __future__ import annotations

import argparse
from itertools import islice
from typing import get_args

from lso.exits import PASSED
from lso.ordering.server import add_server, connect
from lso.ordering.show import as_json, order_table, print_json
from lso.tables import console
from presto_api.mef.results import ItemStateType

MAX_ORDERS = 1_000_000

HELP = "list orders"
EXAMPLES = """examples:
  lso order list
  lso order list --state failed
  lso order list --limit 1000 --json | jq -r '.[] | select(.externalId == "acme").id'"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    states = (*get_args(ItemStateType), "partial")
    parser.add_argument("--state", metavar="STATE", choices=states, help=f"only these: {', '.join(states)}")
    parser.add_argument(
        "--limit", metavar="N", type=_number, default=100, help="at most so many (default: %(default)s)"
    )
    add_server(parser)


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    with connect(options) as client:
        every = client.orders.all(state=options.state) if options.state else client.orders.all()
        orders = list(islice(every, options.limit))
    if options.json:
        print_json([as_json(order) for order in orders])
    elif orders:
        console().print(order_table(orders))
    return PASSED


def _number(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= MAX_ORDERS:
        raise argparse.ArgumentTypeError(f"{text[:20]} is not a whole number from 1 to {MAX_ORDERS}")
    return number
