"""Check scenario and matrix files, sabotages and site templates without starting anything; all findings at once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from common.yaml_reader import read_yaml
from lso.exits import BAD_INPUT, PASSED
from lso.scenario_files import load, vendors
from orchestrator.tosca import validate
from reports.text import count_text
from scenarios.file.errors import ScenarioError
from scenarios.file.source import read
from scenarios.find import find, folders
from scenarios.load import FILE_NAME
from scenarios.prove.catalogue import CATALOGUE, load_catalogue, load_sabotage

HELP = "check scenario and matrix files, sabotages and site templates"
EXAMPLES = """examples:
  lso validate scenarios           all below that folder
  lso validate my-site.yaml        a TOSCA site template
  lso validate mine                sabotages for lso run --prove: all in that folder"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        type=Path,
        help="a scenario or matrix file, a folder with scenarios or sabotages below it, a sabotage, or a site template",
    )


def run(options: argparse.Namespace) -> int:
    """Run the verb and return its exit code."""
    findings = [finding for path in options.paths for finding in _below(path)]
    for finding in findings:
        print(finding, file=sys.stderr)
    print(count_text(len(findings), "finding") if findings else "no findings")
    return BAD_INPUT if findings else PASSED


def _below(path: Path) -> Iterator[object]:
    """Yield what is wrong with the file *path*, or with the scenarios and the sabotages below the folder *path*."""
    sabotages = [folder for folder in folders(path) if any("sabotage" in _keys(file) for file in folder.glob("*.yaml"))]
    scenarios = find(path)
    if not sabotages and scenarios == [path] and not (path / FILE_NAME).exists():
        sabotages = [folder for folder in folders(path) if any(map(_unreadable, folder.glob("*.yaml")))]
    for folder in sabotages:
        yield from _catalogue_findings(folder)
    if scenarios != [path] or not sabotages:
        for found in scenarios:
            yield from _findings(found)


def _unreadable(file: Path) -> bool:
    """Whether nothing can be told of what *file* is meant to be, as where a quotation mark is missing."""
    try:
        read(file)
    except ScenarioError:
        return True
    return False


def _catalogue_findings(folder: Path) -> tuple[object, ...]:
    """Return what ``lso run --prove --sabotages`` would refuse of *folder*."""
    own = folder.resolve() == CATALOGUE.resolve()
    try:
        load_catalogue([folder] if own else [CATALOGUE, folder], vendors())
    except ScenarioError as error:
        return error.findings
    return ()


def _findings(path: Path) -> tuple[object, ...]:
    keys = _keys(path)
    if "tosca_definitions_version" in keys:  # a service template (TOSCA 1.3, 3.10.1)
        return validate(path)
    readers = {"sabotage": lambda file: load_sabotage(file, vendors()), "matrix": _load_matrix}
    reader = next((reader for key, reader in readers.items() if key in keys), load)
    try:
        reader(path)
    except ScenarioError as error:
        return error.findings
    return ()


def _load_matrix(path: Path) -> object:
    from lso.matrix.cells import load_matrix  # noqa: PLC0415  (half a second that other files do not need)

    return load_matrix(path)


def _keys(path: Path) -> Collection[str]:
    """Return the keys at the top of the file *path*, which tell what it is; what cannot be read is left to load."""
    try:
        data = read_yaml(path.read_bytes()).data if path.is_file() else None
    except OSError:
        return ()
    return data.keys() if isinstance(data, dict) else ()
