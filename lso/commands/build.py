"""Build the container images (base, uCPE, VNFs) and the store that all uCPEs share; only what is out of date."""

from __future__ import annotations

import argparse

from lso.exits import PASSED
from reports.text import count_text
from testbed.build import build
from testbed.progress import Progress

HELP = "build the container images that are out of date"
EXAMPLES = """examples:
  lso build"""


def configure(_parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments: it has none."""


def run(_options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    built = build(_show)
    fresh = [image for image in built if image.fresh]
    print(
        f"{len(fresh)} of {count_text(len(built), 'image')} built, the others are up to date"
        if fresh
        else "all images are up to date"
    )
    return PASSED


def _show(progress: Progress) -> None:
    print(f"[{progress.seconds:5.1f} s] {progress.phase}: {progress.text}", flush=True)
