"""Order SD-WAN services from a running server (lso serve) and follow the orders to their end.

The server is --url, or LSO_URL. Credentials come from the environment, never from arguments: LSO_TOKEN or
LSO_TOKEN_FILE, or LSO_CLIENT_ID with LSO_CLIENT_SECRET or LSO_CLIENT_SECRET_FILE. LSO_CA names a file of certificates.

Exit code: 0 done, 1 the order failed or is only partly carried out, 2 bad input or refused, 3 no answer came.
"""

from __future__ import annotations

import argparse

from lso.ordering.answers import carry_out
from lso.verbs import add_package

HELP = "order services from a server, and follow the orders"
EXAMPLES = """examples:
  lso order example > order.yaml
  lso order create order.yaml --wait
  lso order list --state inProgress
  lso order watch 0b1c7f3e-2f0c-4d0f-9f55-5a4b6ad9c0f1"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs of orders; each is a file of this package."""
    add_package(parser, __name__, __path__, "order_verb")


def run(options: argparse.Namespace) -> int:
    """Run the verb that was asked for and return its exit code."""
    return carry_out(options.order_verb, options)
