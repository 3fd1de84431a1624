"""Print a complete order that works, as a start for one of your own.

It is written for the UNIs and services that the server has now; without a server, for a lab of scenarios/poc-two-sites.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from common.yaml_writer import write_yaml
from lso.exits import BAD_INPUT, PASSED
from lso.ordering.server import add_server, connect
from lso.ordering.show import as_json, print_json
from presto.docs.examples import POC, TYPES, Known, NotPossible, example, summary
from presto_client import Unreachable

HELP = "print a complete order as a start"
EXAMPLES = """types:
{}

examples:
  lso order example > order.yaml && lso order create order.yaml --wait
  lso order example modify-end-point --json | jq .serviceOrderItem[0].service""".format(
    "\n".join(f"  {name:<18} {summary(name)}" for name in TYPES)
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    names = ", ".join(TYPES)
    parser.add_argument("type", metavar="TYPE", nargs="?", choices=[*TYPES], default="add-service", help=names)
    add_server(parser)


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    try:
        order = example(options.type, _known(options), datetime.now(UTC))
    except NotPossible as error:
        print(f"lso: {error}", file=sys.stderr)
        return BAD_INPUT
    if options.json:
        print_json(order)
    else:
        print(f"# {summary(options.type)}")
        print(write_yaml(order), end="")
    return PASSED


def _known(options: argparse.Namespace) -> Known:
    """Return what the server has, or what the PoC's lab has when there is no server and none was asked for."""
    with connect(options) as client:
        try:
            return Known([as_json(service) for service in client.services.all()])
        except Unreachable:
            if options.url or options.type != "add-service":
                raise
            return POC
