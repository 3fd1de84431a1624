"""Hold a product against the VNF contract, with real containers, packets and crashes on this machine.

PRODUCT is a folder with a Dockerfile and a descriptor.yaml, which is built, the name of a product of this checkout,
or an image of the Docker Engine. Exit code: 0 passed, 1 findings, 2 bad input, 3 test-bed error, 130 interrupted.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

from common.findings import nearest
from lso.checking import options as checking_options
from lso.exits import UsageError
from lso.lasting import lasting
from testbed.progress import Progress

HELP = "hold a product against the VNF contract"
EXAMPLES = """examples:
  lso vnf check acme                             the product in the folder acme/
  lso vnf check acme:2.1 --descriptor acme/descriptor.yaml
  lso vnf check acme --html check.html --json check.json --junit check.xml
  lso vnf check acme --only image,apply,idempotence"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("product", metavar="PRODUCT", help="a folder, a product of this checkout, or an image")
    parser.add_argument("--kind", metavar="KIND", help="the kind that it has to be (default: that of its label)")
    parser.add_argument(
        "--descriptor", metavar="FILE", type=Path, help="what an image needs (default: NET_ADMIN alone)"
    )
    parser.add_argument(
        "--with", dest="reference", metavar="PRODUCT", default="", help="the other end of an IPsec gateway's tunnels"
    )
    parser.add_argument("--seed", metavar="N", type=int, help="draw again what was drawn by lot, as the report has it")
    checking_options.configure(parser)


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    from lso.checking.console import CheckConsole  # noqa: PLC0415
    from lso.vnf.checks import checks_of  # noqa: PLC0415  (scapy costs a third of a second)
    from lso.vnf.kinds import KINDS  # noqa: PLC0415
    from lso.vnf.run import run_checks  # noqa: PLC0415
    from lso.vnf.session import Session  # noqa: PLC0415
    from lso.vnf.subject import subject  # noqa: PLC0415
    from testbed.bench import Bench  # noqa: PLC0415

    checking_options.require_writable(options)
    if options.kind and options.kind not in KINDS:
        raise UsageError(f"there is no kind {options.kind!r}. {nearest(options.kind, KINDS)}")
    found = subject(options.product, options.descriptor, _show)
    name = options.kind or found.labels.get("lso.vnf.kind") or (found.product.kind if found.product else "")
    if name not in KINDS:
        label = f"its label lso.vnf.kind is {name!r}" if name else "it has no label lso.vnf.kind"
        raise UsageError(f"{options.product}: {label}: say by --kind which it is to be, {', '.join(KINDS)}")
    checks = checking_options.chosen(options.only, checks_of(name))
    seed = random.randrange(1 << 32) if options.seed is None else options.seed  # noqa: S311  (no secret)
    with CheckConsole(lasting(sys.stdout)) as console, Bench.opened("vnf-check") as bench:
        session = Session(found, KINDS[name], bench, seed, options.reference)
        result = run_checks(session, checks, console, f"lso vnf check {options.product}")
        checking_options.write(options, result)
        console.end(result, options.html)
    return checking_options.EXITS[result.verdict]


def _show(progress: Progress) -> None:
    print(f"[{progress.seconds:5.1f} s] {progress.phase}: {progress.text}", flush=True)
