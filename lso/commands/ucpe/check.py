"""Say what a box lacks against the uCPE contract, each finding with the reason and the clause of the standard.

The box is a uCPE of a lab that is up, one of an inventory file, or one by its addresses. It is really tried: by
connections that it must refuse, two ports, a container and rules that are removed again. Services on it go on.
Exit code: 0 passed, 1 findings, 2 bad input, 3 test-bed error, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lso.checking import options as checking_options
from lso.exits import UsageError
from lso.lasting import lasting
from lso.ucpe.target import target

HELP = "say what a box lacks against the uCPE contract"
EXAMPLES = """examples:
  lso ucpe check poc-two-sites-123456 site-a
  lso ucpe check poc-two-sites-123456 site-a --html check.html --json check.json
  lso ucpe check --inventory /etc/lso/inventory.json branch-7 --only certificates,strangers,plain-text
  lso ucpe check --docker tcp://192.0.2.5:2376 --ovsdb ssl:192.0.2.5:6640 --openflow ssl:192.0.2.5:6653 \\
      --bridge br-ucpe --ca ca.pem --certificate client.pem --key client.key --port lan0 --port wan0"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.usage = "lso ucpe check [-h] [LAB] [UCPE] [options]"
    parser.add_argument("box", nargs="*", metavar="LAB UCPE", help="a uCPE of a lab; with --inventory UCPE alone")
    parser.add_argument("--inventory", metavar="FILE", type=Path, help="the box is one of this inventory")
    parser.add_argument("--image", metavar="IMAGE", help="an image of the box to try (default: a VNF's that it has)")
    checking_options.configure(parser)
    group = parser.add_argument_group("a box by its addresses")
    group.add_argument("--docker", metavar="ADDRESS", help="Docker Engine API, such as tcp://192.0.2.5:2376")
    group.add_argument("--ovsdb", metavar="ADDRESS", help="OVSDB, such as ssl:192.0.2.5:6640")
    group.add_argument("--openflow", metavar="ADDRESS", help="OpenFlow of the bridge, such as ssl:192.0.2.5:6653")
    group.add_argument("--bridge", metavar="NAME", help="the bridge")
    group.add_argument("--ca", metavar="FILE", type=Path, help="the authority of the box's certificates")
    group.add_argument("--certificate", metavar="FILE", type=Path, help="the client's certificate")
    group.add_argument("--key", metavar="FILE", type=Path, help="the client's private key")
    group.add_argument(
        "--port",
        metavar="NAME",
        action="append",
        default=[],
        help="a port that the bridge must have; may be repeated",
    )


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    from lso.catalogue import catalogue  # noqa: PLC0415  (what follows takes half a second to import)
    from lso.checking.console import CheckConsole  # noqa: PLC0415
    from lso.ucpe.box import Box, Busy  # noqa: PLC0415
    from lso.ucpe.checks import CHECKS  # noqa: PLC0415
    from lso.ucpe.needs import needs_of  # noqa: PLC0415
    from lso.ucpe.run import run_checks  # noqa: PLC0415
    from orchestrator.model import InventoryError, TemplateError  # noqa: PLC0415

    checking_options.require_writable(options)
    checks = checking_options.chosen(options.only, CHECKS)
    ucpe, unis, ports = target(options)
    command = f"lso ucpe check {' '.join(options.box) or ucpe.docker}"
    try:
        box = Box(ucpe, unis, needs_of(catalogue().products()), options.image, ports)
        with CheckConsole(lasting(sys.stdout)) as console:
            result = run_checks(box, checks, console, command)
            checking_options.write(options, result)
            console.end(result, options.html)
    except (InventoryError, TemplateError, Busy) as error:
        raise UsageError(str(error)) from error
    return checking_options.EXITS[result.verdict]
