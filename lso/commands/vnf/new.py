"""Make a folder for a new product: it builds, works and passes `lso vnf check` as it is, with a guide in each file.

It is the reference product of its kind under another name; put yours in its place. Exit code: 0 made, 2 bad input.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from common.findings import nearest
from lso.exits import PASSED, UsageError

HELP = "make a folder for a new product"
EXAMPLES = """examples:
  lso vnf new firewall acme                      the folder acme/ here
  lso vnf new statistics acme-meter --folder products"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("kind", metavar="KIND", help="firewall, statistics or ipsec")
    parser.add_argument("name", metavar="NAME", help="the product's name, and that of its folder")
    parser.add_argument("--folder", metavar="DIR", type=Path, default=Path(), help="where to make it (default: here)")


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    from lso.vnf.new import create  # noqa: PLC0415  (TOSCA costs a third of a second)
    from lso.vnf.references import REFERENCES  # noqa: PLC0415

    if options.kind not in REFERENCES:
        raise UsageError(f"there is no kind {options.kind!r}. {nearest(options.kind, REFERENCES)}")
    folder = create(options.kind, options.name, options.folder)
    print(f"made {folder}/: {', '.join(sorted(path.name for path in folder.iterdir()))}")
    print(f"next: lso vnf check {folder}")
    return PASSED
