"""List the products that labs and servers find: those of this checkout, and those of the catalogue."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from common.product_folder import product_folder
from lso.exits import PASSED, UsageError

HELP = "list the products that there are"
EXAMPLES = """examples:
  lso vnf list
  lso vnf list --json | jq -r '.[] | select(.kind == "firewall").name'"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "--catalogue", metavar="DIR", type=Path, help=f"also those in there (default: {product_folder()})"
    )
    parser.add_argument("--json", action="store_true", help="print the products as JSON")


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    from lso.tables import console  # noqa: PLC0415
    from orchestrator.model import TemplateError  # noqa: PLC0415
    from orchestrator.tosca.catalogue import Catalogue  # noqa: PLC0415
    from reports.console import plain_table  # noqa: PLC0415

    if options.catalogue and not options.catalogue.is_dir():
        raise UsageError(f"{options.catalogue}: there is no such folder")
    more = [options.catalogue] if options.catalogue else []
    try:
        products = Catalogue(vnfs=more).products()
    except TemplateError as error:
        raise UsageError(str(error)) from error
    rows = [
        {
            "name": product.name,
            "kind": product.kind,
            "vendor": product.vendor,
            "version": product.version,
            "folder": str(product.descriptor.parent),
        }
        for product in sorted(products, key=lambda product: (product.kind, product.name))
    ]
    if options.json:
        print(json.dumps(rows, indent=2))
        return PASSED
    table = plain_table("Kind", "Name", "Vendor", "Version", "Folder")
    for row in rows:
        table.add_row(*(str(row[key] or "-") for key in ("kind", "name", "vendor", "version", "folder")))
    console().print(table)
    return PASSED
