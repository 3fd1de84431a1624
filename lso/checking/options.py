"""Options that all checks have: which of them to run, and where their reports go."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from common.findings import nearest
from lso.checking.steps import ContractCheck
from lso.exits import ERROR, FAILED, PASSED, UsageError, reason
from reports.model import RunResult

EXITS = {"passed": PASSED, "failed": FAILED, "error": ERROR, "skipped": ERROR}
"""By verdict."""

C = TypeVar("C", bound=ContractCheck[Any])


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--only", metavar="CHECK,…", help="these checks alone")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write a report for people, one file")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the result as JSON")
    parser.add_argument("--junit", metavar="FILE", type=Path, help="write the result as JUnit XML")


def chosen(only: str | None, checks: Sequence[C]) -> Sequence[C]:
    """Return the checks that *only* names; raises UsageError with all names that are none."""
    if only is None:
        return checks
    names, known = [name.strip() for name in only.split(",") if name.strip()], [check.id for check in checks]
    unknown = [f"there is no check {name!r}. {nearest(name, known)}" for name in names if name not in known]
    if unknown or not names:
        raise UsageError("\n".join(unknown) or f"--only names no check; there are {', '.join(known)}")
    return [check for check in checks if check.id in names]


def require_writable(options: argparse.Namespace) -> None:
    """Raise UsageError with each file that cannot be written, before anything starts."""
    faults = []
    for path in (options.html, options.json, options.junit):
        if path and not path.parent.is_dir():
            faults.append(f"{path}: there is no folder {path.parent}")
        elif path and path.is_dir():
            faults.append(f"{path}: it is a folder")
    if faults:
        raise UsageError("\n".join(faults))


def write(options: argparse.Namespace, result: RunResult) -> None:
    """Write the reports that were asked for; raises UsageError for a file that cannot be written."""
    from reports.junit import junit_xml  # noqa: PLC0415  (only who wants a report waits for its templates)
    from reports.page import render_html  # noqa: PLC0415
    from reports.write import replace_file, result_json  # noqa: PLC0415

    for path, render in ((options.html, render_html), (options.json, result_json), (options.junit, junit_xml)):
        if path:
            try:
                replace_file(path, render(result))
            except OSError as error:
                raise UsageError(f"{path}: {reason(error)}") from error
