"""What a check shows: each check as it ends, with its findings, then the verdict."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from reports.console import Console
from reports.model import RunResult
from reports.text import count_text, duration_text


class CheckConsole(Console):
    """Writes the progress of checking to a stream."""

    def end(self, result: RunResult, page: Path | None) -> None:
        """The verdict, and where the report is."""
        self._stop_spinner()
        bad = sum(check.verdict.is_bad for step in result.steps for check in step.checks)
        checks = count_text(len(result.steps), "check")
        findings = count_text(bad, "finding") if bad else "no findings"
        self._line(Text(f"{result.verdict}: {checks}, {findings}, in {duration_text(result.duration_seconds)}"))
        if page:
            self._line(Text(f"report: {page}"))
