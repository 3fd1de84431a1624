"""Run a command in a node of a lab that is up: a uCPE, a host, an underlay, a LAN as lan.SITE, a VNF as SITE/VNF."""

from __future__ import annotations

import argparse
import subprocess
import sys

from lso.exits import ERROR, UsageError
from lso.labs import attach
from testbed.errors import Ended
from testbed.host.process import Process
from testbed.lab import Lab
from testbed.nodes.node import Node
from testbed.ucpe_view import UcpeView

HELP = "run a command in a node of a lab"
EXAMPLES = """examples:
  lso exec poc-two-sites-123456 a1 -- ping -c 3 10.2.0.10
  lso exec poc-two-sites-123456 site-a -- ovs-ofctl -O OpenFlow14 dump-flows br-ucpe
  lso exec poc-two-sites-123456 site-a/ipsec -- /vnf/status
  lso exec poc-two-sites-123456 internet -- tcpdump -ni port1"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.usage = "lso exec [-h] LAB NODE [--] [COMMAND [ARGUMENT ...]]"
    parser.add_argument("lab", metavar="LAB", help="id of a lab, as lso ls prints it")
    parser.add_argument("node", metavar="NODE", help="a uCPE, a host, an underlay, lan.SITE, or SITE/VNF")
    parser.add_argument("command", metavar="COMMAND", nargs=argparse.REMAINDER, help="what to run (default: a shell)")


def run(options: argparse.Namespace) -> int:
    """Run the verb; the exit code is the command's, 128 + N after signal N, 3 when the node cannot be entered."""
    lab = attach(options.lab)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    command = command or ["sh"]
    name, _, vnf = options.node.partition("/")
    node = _node(lab, name)
    try:
        argv = _vnf(node, vnf).command(command) if vnf else node.command(command)
    except Ended as gone:
        print(f"lso: {gone}", file=sys.stderr)
        return ERROR
    code = subprocess.run(argv, check=False, env=node.environment(), stdin=sys.stdin).returncode
    return code if code >= 0 else 128 - code


def _node(lab: Lab, name: str) -> Node:
    if name not in lab.nodes:
        raise UsageError(f"lab {lab.id} has no node {name!r}; it has {', '.join(sorted(lab.nodes))}")
    return lab.nodes[name]


def _vnf(node: Node, name: str) -> Process:
    """Return the process of the VNF *name* in the uCPE *node*, whichever service it belongs to."""
    if node.kind != "ucpe":
        raise UsageError(f"{node.name} is no uCPE, so it runs no VNF")
    view = UcpeView(node.container())
    services = {container.labels.get("lso.service", "") for container in view.containers()}
    vnfs = {vnf.name: vnf for service in sorted(services - {""}) for vnf in view.vnfs(service)}
    if name not in vnfs:
        raise UsageError(f"{node.name} runs no VNF {name!r}; it runs {', '.join(vnfs) or 'none'}")
    return vnfs[name].access.process
