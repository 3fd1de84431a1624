"""Bring a product: begin with a folder that builds, hold it against the VNF contract, add it to a catalogue.

A product is a container image and a descriptor; it needs no change of this program. docs/add-a-vnf.md shows the way.
"""

from __future__ import annotations

import argparse

from lso.verbs import add_package

HELP = "bring a product: begin, check, add to a catalogue"
EXAMPLES = """examples:
  lso vnf new firewall acme                      a folder that builds and works
  lso vnf check acme --html check.html
  lso vnf add acme                               labs and servers find it by its name
  lso vnf list
  lso vnf check acme --only image,apply          some of the checks"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs of products; each is a file of this package."""
    add_package(parser, __name__, __path__, "vnf_verb")


def run(options: argparse.Namespace) -> int:
    """Run the verb that was asked for and return its exit code."""
    return int(options.vnf_verb(options))
