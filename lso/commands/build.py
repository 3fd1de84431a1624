"""Build the container images (base, uCPE, VNFs) and the store that all uCPEs share; only what is out of date."""

from __future__ import annotations

import argparse

from common.findings import nearest
from lso.exits import PASSED, UsageError
from reports.text import count_text
from testbed.images.build import build
from testbed.images.recipes import digests, reference
from testbed.progress import Progress

HELP = "build the container images that are out of date"
EXAMPLES = """examples:
  lso build
  docker history $(lso build --reference lso/base)    what an image of this checkout is made of"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "--reference", metavar="NAME", help="only print the reference of an image, for Docker: its name and its tag"
    )


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    if options.reference:
        known = digests()
        if options.reference not in known:
            raise UsageError(f"there is no image {options.reference}. {nearest(options.reference, known)}")
        print(reference(options.reference))
        return PASSED
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
