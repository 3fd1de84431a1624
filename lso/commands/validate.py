"""Check scenario files and site templates without starting anything: all findings at once, each with its place."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from common.yaml_reader import read_yaml
from lso.exits import BAD_INPUT, PASSED
from lso.scenario_files import load
from orchestrator.tosca import validate
from reports.text import count_text
from scenarios.file.errors import ScenarioError
from scenarios.find import find

HELP = "check scenario files and site templates"
EXAMPLES = """examples:
  lso validate scenarios           all below that folder
  lso validate my-site.yaml        a TOSCA site template"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        type=Path,
        help="a scenario file, a folder with scenarios below it, or a site template",
    )


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    paths = [found for path in options.paths for found in find(path)]
    findings = [finding for path in paths for finding in _findings(path)]
    for finding in findings:
        print(finding, file=sys.stderr)
    print(count_text(len(findings), "finding") if findings else "no findings")
    return BAD_INPUT if findings else PASSED


def _findings(path: Path) -> tuple[object, ...]:
    if _is_template(path):
        return validate(path)
    try:
        load(path)
    except ScenarioError as error:
        return error.findings
    return ()


def _is_template(path: Path) -> bool:
    """Tell whether *path* is a TOSCA service template (TOSCA 1.3, 3.10.1); what cannot be read is left to load."""
    try:
        data = read_yaml(path.read_bytes()).data if path.is_file() else None
    except OSError:
        return False
    return isinstance(data, dict) and "tosca_definitions_version" in data
