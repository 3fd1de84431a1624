"""Writing what proving found: `prove.json` and `prove.html`, beside the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reports.prove.model import ProveResult
from reports.prove.page import render_prove_html
from reports.write import PROVE_JSON, PROVE_PAGE, replace_file


@dataclass(frozen=True)
class ProvePaths:
    """The files of a written report."""

    result: Path
    page: Path


def write_prove_report(result: ProveResult, directory: Path) -> ProvePaths:
    """Render `result` into `directory`. Each file is replaced whole or not at all; raises OSError when it cannot be."""
    paths = ProvePaths(directory / PROVE_JSON, directory / PROVE_PAGE)
    directory.mkdir(parents=True, exist_ok=True)
    replace_file(paths.result, result.model_dump_json(indent=2) + "\n")
    replace_file(paths.page, render_prove_html(result))
    return paths
