"""Bring a box: hold a uCPE against the uCPE contract. docs/ucpe.md has the contract."""

from __future__ import annotations

import argparse

from lso.verbs import add_package

HELP = "bring a box: hold a uCPE against the contract"
EXAMPLES = """examples:
  lso ucpe check poc-two-sites-123456 site-a     a uCPE of a lab that is up
  lso ucpe check --inventory /etc/lso/inventory.json branch-7"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs of uCPEs; each is a file of this package."""
    add_package(parser, __name__, __path__, "ucpe_verb")


def run(options: argparse.Namespace) -> int:
    """Run the verb that was asked for and return its exit code."""
    return int(options.ucpe_verb(options))
