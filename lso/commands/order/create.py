"""Place orders that stand in JSON or YAML files; what is wrong with one is told with its line and column."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console

from lso.exits import BAD_INPUT
from lso.ordering.answers import exit_of
from lso.ordering.file import BadFile, OrderFile, read_order
from lso.ordering.follow import follow
from lso.ordering.server import add_server, connect
from lso.ordering.show import as_json, print_json
from lso.tables import console
from presto_api.mef.results import ServiceOrder
from presto_client import AccessDenied, Client, PrestoError, Refused
from presto_client.keys import checked
from reports.text import count_text

HELP = "place orders"
EXAMPLES = """examples:
  lso order create order.yaml --wait
  lso order create east.yaml west.json --json | jq -r '.[].id'
  lso order example | lso order create -"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="an order as JSON or YAML; - is standard input")
    parser.add_argument("--wait", action="store_true", help="follow each order to its end")
    parser.add_argument(
        "--key",
        metavar="TEXT",
        type=_key,
        help="Idempotency-Key of the order: placing it again under this key orders nothing new",
    )
    add_server(parser)


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    if options.key and len(options.files) > 1:
        print("lso: --key names one order: give one file", file=sys.stderr)
        return BAD_INPUT
    files = _read_all(options.files)
    if files is None:
        return BAD_INPUT
    code, placed = 0, list[ServiceOrder]()
    with connect(options) as client:
        for file in files:
            order = _place(client, file, options)
            code = max(code, exit_of(order) if order else BAD_INPUT)
            placed += [order] if order else []
    if options.json:
        documents = [as_json(order) for order in placed]
        print_json(documents[0] if len(files) == 1 and documents else documents)
    return code


def _key(text: str) -> str:
    try:
        return checked(text)
    except PrestoError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _read_all(paths: list[str]) -> list[OrderFile] | None:
    """Return the orders, or None after everything that is wrong with all files was printed."""
    files: list[OrderFile] = []
    for path in paths:
        try:
            files.append(read_order(path))
        except BadFile as error:
            print(*error.findings, sep="\n", file=sys.stderr)
    return files if len(files) == len(paths) else None


def _place(client: Client, file: OrderFile, options: argparse.Namespace) -> ServiceOrder | None:
    """Place one order and follow it where that is wanted; None after its findings were printed."""
    try:
        order = client.orders.create(file.order, options.key)
    except AccessDenied:
        raise
    except Refused as refused:
        findings = file.findings(refused.findings)
        print(*findings, sep="\n", file=sys.stderr)
        found = count_text(len(findings), "finding")
        print(f"lso: {found}, nothing was ordered from {file.document.name}", file=sys.stderr)
        return None
    if options.wait:
        return follow(client, order.id, Console(stderr=True) if options.json else console())
    if not options.json:
        print(order.id)
    return order
