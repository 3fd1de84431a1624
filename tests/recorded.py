"""Cases for the verbs: what steps really observed, with the judgement that they got then.

A case is a folder with the observation, the files that it names, and ``expected.txt``.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from reports.model import Check, Verdict
from scenarios.steps.observation import FILE_NAME, read
from scenarios.verbs import REGISTRY

EXPECTED = "expected.txt"


def told(verdict: Verdict, message: str, checks: Sequence[Check]) -> str:
    """Return a judgement as text: the verdict and its sentence, then every check in order."""
    lines = [f"{verdict}: {message}"]
    for check in checks:
        blamed = f" [{check.element}]" if check.element else ""
        lines.append(f"{check.verdict}: {check.name}: expected {check.expected}, measured {check.measured}{blamed}")
    return "\n".join(lines) + "\n"


def record(folder: Path, expected: str, case: Path) -> None:
    """Keep what the step in *folder* observed as *case*, whose judgement was *expected*."""
    _, observation = read(folder / FILE_NAME, REGISTRY)
    case.mkdir(parents=True)
    for file in (folder / FILE_NAME, *(observation.evidence.files() if observation.evidence else ())):
        shutil.copy(file, case)
    (case / EXPECTED).write_text(expected, encoding="utf-8")
