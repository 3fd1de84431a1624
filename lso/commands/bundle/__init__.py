"""Make proof bundles of runs, and verify them: signature, every octet, and every verdict from the evidence.

A bundle is one file. Whoever gets it needs this program only, no root, no Docker and no lab: docs/bundles.md.
"""

from __future__ import annotations

import argparse

from lso.verbs import add_package

HELP = "make a signed file of a run, and verify one"
EXAMPLES = """examples:
  lso bundle create                              the latest run in runs/, signed with a key of your own
  lso bundle create runs/20260101-120000-poc-two-sites -o poc.zip --key key.pem
  lso bundle verify poc.zip --public-key key.pub.pem"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs of bundles; each is a file of this package."""
    add_package(parser, __name__, __path__, "bundle_verb")


def run(options: argparse.Namespace) -> int:
    """Run the verb that was asked for and return its exit code."""
    return int(options.bundle_verb(options))
