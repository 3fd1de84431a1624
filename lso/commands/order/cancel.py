"""Cancel an order that has not come to its end."""

from __future__ import annotations

import argparse
import sys

from lso.exits import BAD_INPUT, PASSED
from lso.ordering.server import add_server, connect
from lso.ordering.show import as_json, print_json
from presto_client import Client, NotFound

HELP = "cancel an order"
EXAMPLES = """examples:
  lso order cancel 0b1c7f3e-2f0c-4d0f-9f55-5a4b6ad9c0f1"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("order", metavar="ID", help="id of the order")
    add_server(parser)


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    with connect(options) as client:
        try:
            order = client.extensions.cancel(options.order)
        except NotFound:
            return _not_cancelled(client, options.order)
    if options.json:
        print_json(as_json(order))
    else:
        print(f"order {order.id} is {order.state}")
    return PASSED


def _not_cancelled(client: Client, order_id: str) -> int:
    """Tell an order that is not there from a server that cannot cancel. Raises NotFound for the first."""
    client.orders.get(order_id)
    print("lso: this server cannot cancel orders; it has no /presto-sdwan/v1/serviceOrder/{id}/cancel", file=sys.stderr)
    return BAD_INPUT
