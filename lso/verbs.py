"""Verbs of the command line: each is a module with HELP, a docstring, EXAMPLES, ``configure`` and ``run``."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from collections.abc import Iterable
from types import ModuleType


def add_verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, module: ModuleType, run: str = "run"
) -> None:
    """Add the verb *name*, which *module* configures; its ``run`` is found in the options as *run*."""
    parser = verbs.add_parser(
        name,
        help=module.HELP,
        description=module.__doc__,
        epilog=module.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.configure(parser)
    parser.set_defaults(**{run: module.run})


def add_package(parser: argparse.ArgumentParser, package: str, path: Iterable[str], run: str) -> None:
    """Add a verb below *parser* for each module of *package*, whose ``__path__`` is *path*."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for name in sorted(module.name for module in pkgutil.iter_modules(path)):
        add_verb(verbs, name, importlib.import_module(f"{package}.{name}"), run)
